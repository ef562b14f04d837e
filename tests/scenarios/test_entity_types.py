"""Every entity type goes the whole road, a new one too: two files of one name and one line."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

import schemas.entities
from schemas.__main__ import contracts
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityType
from shared.postgres.database import Database
from tests.services import StartWorker, serving
from tests.stack import Stack
from tests.support.client import settled
from tests.support.providers import Scripted
from worker_service import generators
from worker_service.providers import Call, Completion

Json = dict[str, Any]

TYPE = '''
"""A riddle with its answer."""

from pydantic import ConfigDict

from schemas.entity import ConstraintsBase, EntityBase, Line, Word

COLLECTION = "riddles"


class Constraints(ConstraintsBase):
    """What a caller may ask of a riddle."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answer": "la nuit"}]})

    answer: Word | None = None


class Entity(EntityBase):
    """A riddle."""

    question: Line
    answer: Word
'''
GENERATOR = '''
"""Riddles."""

from worker_service.generators.language import LanguageGenerator
from worker_service.prompt import PromptFile

GENERATOR = LanguageGenerator(prompt_file=PromptFile.beside(__file__))
'''
PROMPT = """
# System

You write riddles.

# User

Write riddle $number about $topics, under these constraints: $constraints
"""


def a_model(call: Call) -> Completion:
    """Answer as a model would, which is told the constraints by the prompt alone."""
    question = f"Qu'est-ce qui passe {call.ordinal + 1} fois ?"
    asked = json.loads(call.prompt.user.partition("constraints: ")[2])
    return Completion(text=json.dumps({"question": question, "answer": asked["answer"]}))


@pytest.mark.usefixtures("balanced_services")
@pytest.mark.parametrize("entity_type", ENTITY_TYPES.values(), ids=ENTITY_TYPES.keys())
async def test_each_type_goes_from_its_own_route_to_ten_different_entities(
    entity_type: EntityType,
    api: httpx.AsyncClient,
    start_worker: StartWorker,
    database: Database,
):
    await start_worker()

    accepted = await api.post(f"/{entity_type.collection}/generate", json={"count": 10})

    record = await settled(api, accepted.headers["Location"])
    assert (record["status"], record["entity_type"]) == ("completed", entity_type.name)
    contents = [
        tuple(str(entity[name]) for name in entity_type.entity.model_fields)
        for entity in record["entities"]
    ]
    assert len({*contents}) == len(contents) == 10
    for entity in record["entities"]:
        entity_type.representation.model_validate(entity)
        identity = ["id", "created_at", "updated_at", "target_language_code"]
        assert [*entity][:5] == ["entity_type", *identity]
        assert entity["target_language_code"] == "fra"
    rows = await database.fetch(f"SELECT id FROM {entity_type.collection}")  # noqa: S608
    assert {str(row["id"]) for row in rows} == {entity["id"] for entity in record["entities"]}


@pytest.fixture
def riddle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EntityType]:
    """Add a type: a file beside the other types, one beside the generators, a line in the list."""
    for package, text in ((schemas.entities, TYPE), (generators, GENERATOR)):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / "riddle.py").write_text(dedent(text).lstrip(), encoding="utf-8")
        (folder / "riddle.md").write_text(PROMPT.lstrip(), encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.riddle", raising=False)
    importlib.invalidate_caches()
    added = EntityType.of(importlib.import_module("schemas.entities.riddle"))
    monkeypatch.setitem(ENTITY_TYPES, added.name, added)
    yield added
    for package in (schemas.entities, generators):
        sys.modules.pop(f"{package.__name__}.riddle", None)
        vars(package).pop("riddle", None)


async def test_a_new_type_is_two_files_of_one_name_and_a_line(
    riddle: EntityType, stack: Stack, start_worker: StartWorker
):
    await start_worker(Scripted(a_model))
    async with serving(stack) as api:
        document = (await api.get("/openapi.json")).json()
        accepted = await api.post("/riddles/generate", json={"count": 2, "answer": "la nuit"})
        refused = await api.post("/riddles/generate", json={"answer": 1})
        by_name = await api.post(
            "/generation-requests",
            json={"entity_type": "riddle", "constraints": {"answer": "le vent"}},
        )
        record = await settled(api, accepted.headers["Location"])
        other = await settled(api, by_name.headers["Location"])

    components = document["components"]["schemas"]
    assert document["paths"]["/riddles/generate"]["post"]["operationId"] == "generate_riddles"
    assert "answer" in components["RiddleConstraints"]["properties"]
    assert "answer" in components["RiddleSubmission"]["properties"]
    assert "riddle" in components["Submission"]["properties"]["entity_type"]["enum"]
    assert [*contracts()["riddle.entity"].model_json_schema()["properties"]] == [
        *("entity_type", "id", "created_at", "updated_at", "target_language_code"),
        *("question", "answer"),
    ]
    entities = components["GenerationRequest"]["properties"]["entities"]["items"]
    assert entities["discriminator"]["mapping"]["riddle"] == "#/components/schemas/Riddle"
    assert contracts()["riddle.constraints"] is riddle.constraints

    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["#/answer"]
    assert (record["status"], record["constraints"]) == ("completed", {"answer": "la nuit"})
    assert [entity["answer"] for entity in record["entities"]] == ["la nuit", "la nuit"]
    assert len({entity["question"] for entity in record["entities"]}) == 2
    assert [entity["answer"] for entity in other["entities"]] == ["le vent"]
