"""What every entity type must have, stated once for all of them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from api_service.generation_requests.routes import typed_routes
from demo_provider import make
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityType
from schemas.submissions import Submission, TypedSubmission, asked, typed_submission
from tests.contract.test_json_schemas import FOLDER
from tests.support.model_calls import prompt_of

SEED = 0x019AA3F05D1C7B3E9C550B7C5D1F2A10
ORDINALS = range(10)

pytestmark = pytest.mark.parametrize("entity_type", ENTITY_TYPES.values(), ids=ENTITY_TYPES.keys())


def examples(entity_type: EntityType) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = entity_type.constraints.model_json_schema()["examples"]
    return found


def another_of_each(
    entity_type: EntityType, example: dict[str, Any]
) -> Iterator[tuple[str, object]]:
    """Find for fields of an example the value that they have in another one, or by default."""
    for other in ({}, *examples(entity_type)):
        values = entity_type.constraints.model_validate(other).model_dump(mode="json")
        for name, value in example.items():
            if values[name] not in (value, None):
                yield name, values[name]


def words(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for value in node.values():
                yield from words(value)
        case list():
            for value in node:
                yield from words(value)
        case str():
            yield node
        case _:
            yield json.dumps(node)


def test_its_names_are_plain(entity_type: EntityType):
    assert ENTITY_TYPES[entity_type.name] is entity_type
    assert entity_type.name.isidentifier()
    assert entity_type.name.islower()
    assert entity_type.collection.isidentifier()


def test_it_has_a_typed_route_and_the_general_one_takes_it(entity_type: EntityType):
    paths = {getattr(route, "path", None) for route in typed_routes().router.routes}

    assert f"/{entity_type.collection}/generate" in paths
    assert Submission.model_validate({"entity_type": entity_type.name}).count == 1


def test_its_schemas_are_exported(entity_type: EntityType):
    for half in ("constraints", "entity"):
        exported = json.loads((FOLDER / f"{entity_type.name}.{half}.json").read_text())
        assert exported["type"] == "object"


def test_it_can_be_asked_for_without_constraints(entity_type: EntityType):
    defaults = entity_type.constraints()

    assert entity_type.constraints.model_validate(defaults.model_dump(mode="json")) == defaults
    assert typed_submission(entity_type).model_validate({}).constraints == defaults


def test_it_shows_constraints_that_fit(entity_type: EntityType):
    assert examples(entity_type)
    for example in examples(entity_type):
        entity_type.constraints.model_validate(example)


def test_an_example_of_its_typed_body_fits(entity_type: EntityType):
    body: type[BaseModel] = typed_submission(entity_type)
    shown = body.model_json_schema()["examples"]

    assert len(shown) == 2 * len(examples(entity_type))
    for example in shown:
        body.model_validate(example)


def test_its_constraints_may_stand_beside_the_others(entity_type: EntityType):
    body = typed_submission(entity_type)
    assert not {*entity_type.constraints.model_fields} & {*TypedSubmission.model_fields}

    for example in examples(entity_type):
        inside = body.model_validate({"constraints": example}).together()
        beside = body.model_validate(example).together()
        assert asked(inside) == asked(beside) == example
        (first, value), *others = example.items()
        apart = body.model_validate({first: value, "constraints": dict(others)}).together()
        assert asked(apart) == example
        assert asked(body.model_validate({**example, "constraints": example}).together()) == example


def test_a_constraint_that_stands_in_both_places_has_one_value(entity_type: EntityType):
    body = typed_submission(entity_type)
    for example in examples(entity_type):
        for name, other in another_of_each(entity_type, example):
            with pytest.raises(ValidationError, match="given twice with two values") as refused:
                body.model_validate({name: other, "constraints": example})
            assert [fault["loc"] for fault in refused.value.errors()] == [(name,)]


def test_it_refuses_a_constraint_that_it_does_not_know(entity_type: EntityType):
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        entity_type.constraints.model_validate({"no_such_constraint": 1})
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        typed_submission(entity_type).model_validate({"no_such_constraint": 1})


def test_its_demo_makes_valid_entities_that_differ(entity_type: EntityType):
    for example in ({}, *examples(entity_type)):
        constraints = entity_type.constraints.model_validate(example)
        made = [make(entity_type.name, constraints, seed=SEED, ordinal=n) for n in ORDINALS]
        for content in made:
            entity_type.entity.model_validate_json(json.dumps(content))
        assert len({json.dumps(content, sort_keys=True) for content in made}) == len(ORDINALS)
        assert make(entity_type.name, constraints, seed=SEED, ordinal=0) == made[0]


def test_its_prompt_tells_the_constraints_and_items_apart(entity_type: EntityType):
    for example in examples(entity_type):
        constraints = entity_type.constraints.model_validate({**example, "topic_tags": ["la mer"]})
        prompts = [prompt_of(entity_type.name, constraints, ordinal=n) for n in ORDINALS]
        for word in words(constraints.model_dump(mode="json", exclude_unset=True)):
            assert word in prompts[0].user
        assert prompts[0].system
        assert len({prompt.user for prompt in prompts}) == len(ORDINALS)
