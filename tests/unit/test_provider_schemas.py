"""The schemas that are sent: what a dialect takes, and as much of the entity's own as it can."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from demo_provider import make
from schemas.entities import ENTITY_TYPES
from worker_service.providers.json_schema import grammar, strict

STRICT = {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "description",
    "enum",
    "items",
    "properties",
    "required",
    "type",
}
"""What OpenAI, Azure and the servers after their model all take."""

NO_MEANING = {"title", "default", "examples"}

by_type = pytest.mark.parametrize("name", ENTITY_TYPES)


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    inner = [schema["items"]] if "items" in schema else []
    inner += schema.get("anyOf", [])
    for name in ("properties", "$defs"):
        inner += schema.get(name, {}).values()
    for each in inner:
        yield from schemas_in(each)


@by_type
def test_a_strict_schema_has_nothing_that_a_server_refuses(name: str):
    for schema in schemas_in(strict(ENTITY_TYPES[name].entity.model_json_schema())):
        assert {*schema} <= STRICT
        assert {*schema} == {"$ref"} or "$ref" not in schema


@by_type
@pytest.mark.parametrize("derive", [strict, grammar])
def test_every_object_is_closed_and_every_property_required(name: str, derive: Any):
    objects = [
        schema
        for schema in schemas_in(derive(ENTITY_TYPES[name].entity.model_json_schema()))
        if schema.get("type") == "object"
    ]

    assert objects
    for schema in objects:
        assert schema["additionalProperties"] is False
        assert schema["required"] == [*schema["properties"]]


@by_type
def test_a_grammar_keeps_the_bounds(name: str):
    own, sent = (
        ENTITY_TYPES[name].entity.model_json_schema(),
        grammar(ENTITY_TYPES[name].entity.model_json_schema()),
    )

    kept = [{*schema} - NO_MEANING - {"required"} for schema in schemas_in(own)]
    assert [{*schema} - {"required"} for schema in schemas_in(sent)] == kept


@by_type
def test_what_a_strict_schema_leaves_out_stands_in_a_description(name: str):
    def bounds(schema: dict[str, Any]) -> Iterator[str]:
        for each in schemas_in(schema):
            for keyword in {*each} - STRICT - NO_MEANING:
                yield f"{keyword}: {each[keyword]}"

    told = str(strict(ENTITY_TYPES[name].entity.model_json_schema()))

    assert [*bounds(ENTITY_TYPES[name].entity.model_json_schema())]
    for bound in bounds(ENTITY_TYPES[name].entity.model_json_schema()):
        assert bound in told


@by_type
@pytest.mark.parametrize("derive", [strict, grammar])
def test_whatever_the_entity_allows_fits_what_is_sent(name: str, derive: Any):
    validator = Draft202012Validator(derive(ENTITY_TYPES[name].entity.model_json_schema()))
    constraints = ENTITY_TYPES[name].constraints()

    for ordinal in range(10):
        validator.validate(make(name, constraints, seed=1, ordinal=ordinal))


@by_type
def test_the_entitys_own_schema_stays_as_it_is(name: str):
    before = str(ENTITY_TYPES[name].entity.model_json_schema())

    strict(ENTITY_TYPES[name].entity.model_json_schema())

    assert str(ENTITY_TYPES[name].entity.model_json_schema()) == before


def test_a_description_stays_and_a_reference_stands_alone():
    own = {
        "type": "object",
        "properties": {
            "note": {"type": "string", "description": "A note.", "maxLength": 5, "title": "Note"},
            "part": {"$ref": "#/$defs/Part", "description": "A part."},
        },
        "$defs": {"Part": {"type": "object", "properties": {}}},
    }

    assert strict(own) == {
        "type": "object",
        "properties": {
            "note": {"type": "string", "description": "A note. (maxLength: 5)"},
            "part": {"$ref": "#/$defs/Part"},
        },
        "$defs": {
            "Part": {
                "type": "object",
                "properties": {},
                "required": [],
                "additionalProperties": False,
            }
        },
        "required": ["note", "part"],
        "additionalProperties": False,
    }
