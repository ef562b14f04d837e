"""An entity type that no image has: a poem, made with two calls in two stages."""

import json
from types import ModuleType

import pytest
from pydantic import BaseModel

from schemas.entities import ENTITY_TYPES
from schemas.entity import ConstraintsBase, EntityBase, EntityType
from worker_service.generators.contract import Content, Item, Tools
from worker_service.prompt import Prompt
from worker_service.providers import Call, Completion


class Outline(BaseModel):
    """What the first call answers."""

    subjects: list[str]


class Constraints(ConstraintsBase):
    """A poem has none of its own."""


class Entity(EntityBase):
    """A poem."""

    title: str
    lines: list[str]


class Lines(BaseModel):
    """What the second call answers."""

    lines: list[str]


class PoemGenerator:
    """Ask for an outline, then for the lines."""

    async def generate(self, item: Item, tools: Tools) -> Content:
        tools.progress(0, 2, "outline")
        outline = await tools.call(Prompt(system="outline", user=""), answer=Outline)
        tools.progress(1, 2, "lines")
        about = ", ".join([*item.constraints.topic_tags, *outline.subjects])
        written = await tools.call(Prompt(system="lines", user=about), answer=Lines)
        return {"title": about, "lines": written.lines}


OUTLINE = Completion(text=json.dumps({"subjects": ["la mer", "le vent"]}))
LINES = Completion(text=json.dumps({"lines": ["La mer", "et le vent"]}))


def a_poet(call: Call) -> Completion:
    """Answer each stage as a model would."""
    return OUTLINE if call.prompt.system == "outline" else LINES


def register(patch: pytest.MonkeyPatch) -> None:
    """Let poems be an entity type for the length of a test."""
    module = ModuleType("schemas.entities.poem")
    vars(module).update(COLLECTION="poems", Constraints=Constraints, Entity=Entity)
    patch.setitem(ENTITY_TYPES, "poem", EntityType.of(module))
