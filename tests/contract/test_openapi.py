"""The OpenAPI document: valid, complete, with examples that fit."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel

from api_service.app import create_app
from api_service.config import ApiSettings
from api_service.context import AppContext
from api_service.http.problems import MEDIA_TYPE
from schemas.api import (
    Accepted,
    GenerationRequest,
    Problem,
)
from schemas.dead_letters import DeadLetter, DeadLetterPage, DeadLetterSummary
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityType, title_of
from schemas.submissions import Submission

Json = dict[str, Any]

COMMON = {"422", "503", "default"}
STATUSES = {
    ("post", "/generation-requests"): {"202", "413", "415", *COMMON},
    **{
        ("post", f"/{entity_type.collection}/generate"): {"202", "413", "415", *COMMON}
        for entity_type in ENTITY_TYPES.values()
    },
    ("get", "/generation-requests"): {"200", *COMMON},
    ("get", "/generation-requests/{request_id}"): {"200", "304", "404", *COMMON},
    ("get", "/dead-letters"): {"200", *COMMON},
    ("get", "/dead-letters/{letter_id}"): {"200", "404", *COMMON},
    ("get", "/livez"): {"200"},
    ("get", "/metrics"): {"200"},
    ("get", "/readyz"): {"200", "503"},
}


def an_app(**settings: Any) -> FastAPI:
    """Return the application as it is before anything is opened."""
    told = ApiSettings(database_url="postgresql://h/n", kafka_bootstrap_servers="h:1", **settings)
    return create_app(cast("AppContext", SimpleNamespace(settings=told)))


@pytest.fixture(scope="module")
def document() -> Json:
    return an_app().openapi()


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def answers(document: Json) -> Iterator[tuple[str, Json]]:
    for _, _, operation in operations(document):
        yield from operation["responses"].items()


def references(node: Any) -> Iterator[str]:
    match node:
        case {"$ref": str() as reference}:
            yield reference
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)
        case _:
            return


def test_it_is_openapi_3_1(document: Json):
    assert document["openapi"].startswith("3.1.")
    OpenAPI.model_validate(document)


def test_every_reference_leads_somewhere(document: Json):
    components = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert {*references(document)} <= components


def test_each_operation_has_a_name_of_its_own_that_a_client_can_call(document: Json):
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len({*names}) == len(names)
    assert all(name.isidentifier() for name in names)


def test_each_operation_documents_every_status_that_it_can_answer(document: Json):
    documented = {
        (method, path): {*operation["responses"]}
        for method, path, operation in operations(document)
    }

    assert documented == STATUSES


def test_each_operation_says_what_it_does(document: Json):
    for _, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path


def test_every_error_is_a_problem_and_nothing_else_is(document: Json):
    is_problem = {"$ref": "#/components/schemas/Problem"}
    for status, answer in answers(document):
        for media_type, content in answer.get("content", {}).items():
            assert (content["schema"] == is_problem) == (media_type == MEDIA_TYPE)
        if status in {"404", "415", "422", "default"}:
            assert [*answer["content"]] == [MEDIA_TYPE]


def test_each_problem_has_an_example_of_its_own_status(document: Json):
    for status, answer in answers(document):
        if MEDIA_TYPE in answer.get("content", {}):
            example = Problem.model_validate(answer["content"][MEDIA_TYPE]["example"])
            assert str(example.status) == status.replace("default", "500")


def test_asking_a_second_time_gives_the_same_document():
    app = an_app()

    assert app.openapi() == app.openapi()


@pytest.mark.parametrize(
    "model", [Submission, Accepted, GenerationRequest, DeadLetter, DeadLetterPage]
)
def test_an_example_fits_its_model(model: type[BaseModel], document: Json):
    examples = document["components"]["schemas"][model.__name__]["examples"]

    assert examples
    for example in examples:
        shown = model.model_validate(example).model_dump(mode="json", exclude_unset=True)
        assert [*shown] == [*example]


def test_the_example_of_a_record_shows_every_field(document: Json):
    (example,) = document["components"]["schemas"]["GenerationRequest"]["examples"]

    assert [*example] == [*GenerationRequest.model_fields]
    for entity in example["entities"]:
        ENTITY_TYPES[example["entity_type"]].recorded.model_validate(entity)


@pytest.mark.parametrize("entity_type", ENTITY_TYPES.values(), ids=ENTITY_TYPES.keys())
def test_a_typed_body_shows_the_constraints_in_both_places(entity_type: EntityType, document: Json):
    operation = document["paths"][f"/{entity_type.collection}/generate"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    components = document["components"]["schemas"]
    title = title_of(entity_type.name)

    assert body == f"#/components/schemas/{title}Submission"
    beside = components[f"{title}Submission"]["properties"]
    inside = components[f"{title}Constraints"]["properties"]
    assert beside["constraints"]["$ref"] == f"#/components/schemas/{title}Constraints"
    assert {name: beside[name] for name in inside} == inside


def test_components_are_named_as_a_client_would_name_them(document: Json):
    assert all(name.isidentifier() for name in document["components"]["schemas"])


def test_the_examples_of_letters_show_every_field(document: Json):
    schemas = document["components"]["schemas"]
    (letter,), (page,) = schemas["DeadLetter"]["examples"], schemas["DeadLetterPage"]["examples"]

    assert [*letter] == [*DeadLetter.model_fields]
    assert [[*letter] for letter in page["data"]] == [[*DeadLetterSummary.model_fields]]


def test_every_route_stands_under_the_prefix():
    app = an_app(api_prefix="/api/v1")

    assert all(path.startswith("/api/v1/") for path in app.openapi()["paths"])
    assert (app.docs_url, app.openapi_url) == ("/api/v1/docs", "/api/v1/openapi.json")
    assert (app.redoc_url, app.swagger_ui_oauth2_redirect_url) == (None, None)
