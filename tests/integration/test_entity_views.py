"""`problems`, `sentences` and `vocabulary`: entities for readers of SQL."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from demo_provider import make
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityIdentity, EntityType
from shared.postgres.database import Database
from tests.support.requests import Claimer, a_failure, a_request, recorded
from worker_service.outcome import Succeeded

pytestmark = [
    pytest.mark.usefixtures("balanced"),
    pytest.mark.parametrize(
        "entity_type",
        [ENTITY_TYPES[name] for name in ("problem", "sentence", "vocabulary")],
        ids=lambda entity_type: entity_type.name,
    ),
]

COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
 WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"""
TYPES = {
    "string": "text",
    "boolean": "boolean",
    "integer": "integer",
    "array": "jsonb",
    "object": "jsonb",
    "uuid": "uuid",
    "date-time": "timestamp with time zone",
}


def columns_of(entity_type: EntityType) -> dict[str, str]:
    """Work out from the recorded model's JSON Schema what the columns ought to be."""
    properties = entity_type.recorded.model_json_schema(mode="serialization")["properties"]
    fields = [*EntityIdentity.model_fields, *entity_type.entity.model_fields]
    return {name: TYPES[type_of(properties[name])] for name in fields}


def type_of(schema: dict[str, Any]) -> str:
    (told,) = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    return str(told.get("format") or told["type"])


def made_by_demo(entity_type: EntityType, ordinal: int) -> Succeeded:
    constraints = entity_type.constraints()
    made = make(entity_type.name, constraints, seed=7, ordinal=ordinal)
    content = entity_type.entity.model_validate_json(json.dumps(made))
    identity = {"id": str(uuid7()), "target_language_code": constraints.target_language_code}
    return Succeeded(entity={**identity, **content.model_dump(mode="json")}, attempts=1)


async def made(database: Database, entity_type: EntityType) -> tuple[UUID, list[Succeeded]]:
    """Settle a request of three items whose second one failed."""
    request_id = await a_request(database, entity_type=entity_type.name, count=3)
    claim = await Claimer(database, entity_types=[entity_type.name]).claim(request_id)
    outcomes = [made_by_demo(entity_type, ordinal) for ordinal in (0, 2)]
    for ordinal, outcome in zip((0, 2), outcomes, strict=True):
        await recorded(database, claim, ordinal, outcome)
    await recorded(database, claim, 1, a_failure())
    return request_id, outcomes


async def test_its_columns_are_the_fields_of_the_entity(
    entity_type: EntityType, database: Database
):
    rows = await database.fetch(COLUMNS, entity_type.collection)

    columns = {row["column_name"]: row["data_type"] for row in rows}
    assert columns.pop("generation_request_id") == "uuid"
    assert columns.pop("ordinal") == "integer"
    assert columns == columns_of(entity_type)
    assert [*columns] == [*columns_of(entity_type)]


async def test_it_shows_each_entity_of_its_type_and_nothing_else(
    entity_type: EntityType, database: Database
):
    request_id, outcomes = await made(database, entity_type)
    for other in ENTITY_TYPES.values():
        if other is not entity_type:
            await made(database, other)

    rows = await database.fetch(f"SELECT * FROM {entity_type.collection} ORDER BY ordinal")  # noqa: S608

    assert [row["ordinal"] for row in rows] == [0, 2]
    for row, outcome in zip(rows, outcomes, strict=True):
        shown = {
            name: json.loads(value) if columns_of(entity_type).get(name) == "jsonb" else value
            for name, value in row.items()
        }
        assert shown["generation_request_id"] == request_id
        assert str(shown["id"]) == outcome.entity["id"]
        assert isinstance(shown["created_at"], datetime)
        assert {name: shown[name] for name in entity_type.entity.model_fields} == {
            name: outcome.entity[name] for name in entity_type.entity.model_fields
        }
        entity_type.recorded.model_validate(
            {name: value for name, value in shown.items() if name in columns_of(entity_type)}
        )


async def test_a_condition_never_meets_the_entities_of_another_type(
    entity_type: EntityType, database: Database
):
    """`correct_answer_index` of another type may be no number at all.

    Without nested loops the planner would filter all items before it looks for their requests.
    """
    await made(database, entity_type)
    request_id = await a_request(database, entity_type="riddle")
    claim = await Claimer(database, entity_types=["riddle"]).claim(request_id)
    strange = dict.fromkeys(columns_of(entity_type), "what?")
    await recorded(database, claim, 0, Succeeded(entity=strange, attempts=1))
    conditions = " AND ".join(
        f"{name} = {name}" for name, told in columns_of(entity_type).items() if told != "text"
    )

    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_nestloop = off")
        rows = await connection.fetch(f"SELECT id FROM {entity_type.collection} WHERE {conditions}")  # noqa: S608

    assert len(rows) == 2
