"""The OpenAPI document: valid, complete, with examples that fit."""

from collections.abc import Iterator
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from jsonschema_rs import Draft202012, Registry, validator_for

from api_service.app import create_app
from api_service.config import ApiSettings
from api_service.context import AppContext
from api_service.http.problems import MEDIA_TYPE
from schemas.api import GenerationRequest, ProblemDetails
from schemas.codes import ErrorCode, ProblemCode
from schemas.dead_letters import DeadLetter, DeadLetterSummary, Reason
from schemas.entities import ENTITY_TYPES
from schemas.entity import EntityType, title_of
from schemas.states import Status

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
    ("get", "/livez"): {"200", "422"},
    ("get", "/metrics"): {"200", "422"},
    ("get", "/readyz"): {"200", "422", "503"},
}


def an_app(**settings: Any) -> FastAPI:
    """Return the application as it is before anything is opened."""
    told = ApiSettings(database_url="postgresql://h/n", kafka_bootstrap_servers="h:1", **settings)
    return create_app(cast("AppContext", SimpleNamespace(settings=told, tracer=None)))


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


def components(document: Json) -> Iterator[str]:
    for kind, defined in document["components"].items():
        yield from (f"#/components/{kind}/{name}" for name in defined)


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
    assert {*references(document)} <= {*components(document)}


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
        assert " " in operation["summary"], path
        assert "_" in operation["operationId"], path
        assert operation["description"], path


def test_every_error_is_a_problem_and_nothing_else_is(document: Json):
    is_problem = {"$ref": "#/components/schemas/ProblemDetails"}
    for status, answer in answers(document):
        for media_type, content in answer.get("content", {}).items():
            assert (content["schema"] == is_problem) == (media_type == MEDIA_TYPE)
        if status in {"404", "415", "422", "default"}:
            assert [*answer["content"]] == [MEDIA_TYPE]


def test_each_problem_has_an_example_of_its_own_status(document: Json):
    for status, answer in answers(document):
        if MEDIA_TYPE in answer.get("content", {}):
            example = ProblemDetails.model_validate(answer["content"][MEDIA_TYPE]["example"])
            assert str(example.status) == status.replace("default", "500")


def test_asking_a_second_time_gives_the_same_document():
    app = an_app()

    assert app.openapi() == app.openapi()


def test_every_example_fits_its_schema(document: Json):
    registry = Registry([("urn:api", document)], draft=Draft202012)
    shown = 0
    for name, schema in document["components"]["schemas"].items():
        whole = {"$ref": f"urn:api#/components/schemas/{name}"}
        for example in schema.get("examples", []):
            errors = validator_for(whole, registry=registry).iter_errors(example)
            assert [(name, error.message) for error in errors] == []
            shown += 1

    assert shown > len(ENTITY_TYPES)


def schemas_sent(document: Json) -> Iterator[tuple[str, Json]]:
    """Find the schemas of bodies and of what they contain, and those of parameters."""
    components = document["components"]["schemas"]
    todo = [operation.get("requestBody", {}) for _, _, operation in operations(document)]
    seen: set[str] = set()
    while todo:
        for name in {reference.rpartition("/")[2] for reference in references(todo.pop())} - seen:
            seen.add(name)
            todo.append(components[name])
            yield name, components[name]
    for _, path, operation in operations(document):
        for parameter in parameters_of(operation, document):
            yield f"{path} {parameter['name']}", {"properties": {"": parameter["schema"]}}


def parameters_of(operation: Json, document: Json) -> Iterator[Json]:
    """Yield the parameters, those that are defined elsewhere too."""
    defined = document["components"]["parameters"]
    for parameter in operation["parameters"]:
        yield defined[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter


def test_nothing_that_is_sent_has_a_default_that_a_client_would_send(document: Json):
    sent = dict(schemas_sent(document))

    assert {"Submission", "ProblemSubmission", "ProblemConstraints"} <= {*sent}
    for name, schema in sent.items():
        for field, member in schema.get("properties", {}).items():
            assert "default" not in member, (name, field)


def test_a_default_is_said_in_words(document: Json):
    body = document["components"]["schemas"]["ProblemSubmission"]["properties"]

    assert body["count"]["description"].endswith("`1` where it is left out.")
    assert body["priority"]["description"].endswith("`normal` where it is left out.")
    assert body["statement_count"]["description"].endswith("`4` where it is left out.")


def test_every_field_that_is_sent_is_described(document: Json):
    for name, schema in schemas_sent(document):
        for field, member in schema.get("properties", {}).items():
            assert field == "" or member.get("description"), (name, field)


def test_every_operation_takes_an_id_of_the_request_and_answers_with_it(document: Json):
    for _, path, operation in operations(document):
        names = [parameter["name"] for parameter in parameters_of(operation, document)]
        assert names.count("X-Request-Id") == 1, path
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"], (path, status)


def test_a_limit_shows_its_bounds(document: Json):
    parameters = parameters_of(document["paths"]["/dead-letters"]["get"], document)
    limit = next(each["schema"] for each in parameters if each["name"] == "limit")

    assert (limit["type"], limit["minimum"], limit["maximum"]) == ("integer", 1, 100)


@pytest.mark.parametrize(
    ("model", "field", "known"),
    [
        ("GenerationRequest", "status", Status),
        ("Accepted", "status", Status),
        ("ErrorSummary", "code", ErrorCode),
        ("Failure", "code", ErrorCode),
        ("LastFailure", "code", ErrorCode),
        ("ProblemDetails", "code", ProblemCode),
        ("DeadLetter", "reason", Reason),
    ],
)
def test_names_in_answers_are_listed_and_left_open(
    model: str, field: str, known: type[StrEnum], document: Json
):
    shown = document["components"]["schemas"][model]["properties"][field]

    assert "enum" not in shown
    assert shown["x-extensible-enum"] == [*known]
    assert "More may come." in shown["description"]


def test_the_entities_of_a_record_are_told_apart_by_their_type(document: Json):
    schemas = document["components"]["schemas"]
    entities = schemas["GenerationRequest"]["properties"]["entities"]["items"]

    assert entities["discriminator"]["propertyName"] == "entity_type"
    assert {*entities["discriminator"]["mapping"]} == {*ENTITY_TYPES}
    for name, reference in entities["discriminator"]["mapping"].items():
        shown = schemas[reference.rpartition("/")[2]]
        assert shown["properties"]["entity_type"]["const"] == name
        assert {*ENTITY_TYPES[name].recorded.model_fields} < {*shown["properties"]}


def test_what_an_answer_always_has_is_required(document: Json):
    schemas = document["components"]["schemas"]
    for name in ("GenerationRequest", "Accepted", "Usage", "DeadLetter", "Liveness", "Readiness"):
        assert {*schemas[name]["required"]} == {*schemas[name]["properties"]}, name


def test_an_entity_may_gain_fields(document: Json):
    for entity_type in ENTITY_TYPES.values():
        shown = document["components"]["schemas"][title_of(entity_type.name)]
        assert "additionalProperties" not in shown


def test_a_submit_links_to_its_poll(document: Json):
    names = {operation["operationId"] for _, _, operation in operations(document)}
    for _, path, operation in operations(document):
        if "202" in operation["responses"]:
            (link,) = operation["responses"]["202"]["links"].values()
            assert link["operationId"] in names, path


def test_every_tag_is_described(document: Json):
    described = {tag["name"] for tag in document["tags"] if tag["description"]}

    assert {
        tag for _, _, operation in operations(document) for tag in operation["tags"]
    } == described


def test_the_example_of_a_record_shows_every_field(document: Json):
    (example,) = document["components"]["schemas"]["GenerationRequest"]["examples"]

    assert [*example] == [*GenerationRequest.model_fields]
    for entity in example["entities"]:
        ENTITY_TYPES[example["entity_type"]].representation.model_validate(entity)


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
    assert (app.docs_url, app.redoc_url, app.openapi_url) == (None, None, None)
