"""The OpenAPI document: FastAPI's, with the bodies that endpoints read, and problems put right."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.models import OpenAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api_service.http.problems import MEDIA_TYPE
from schemas.api import Accepted, GenerationRequest
from schemas.dead_letters import DeadLetter, DeadLetterPage, DeadLetterSummary
from schemas.submissions import Submission

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {"$ref": _REFERENCE.format(model="ProblemDetails")}
_MEMBERS = (
    "tags",
    "summary",
    "description",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
)
"""The members of an operation, in FastAPI's order."""

_WITH_EXAMPLES: tuple[type[BaseModel], ...] = (
    Submission,
    Accepted,
    GenerationRequest,
    DeadLetterPage,
    DeadLetterSummary,
    DeadLetter,
)


_REQUEST_ID = {"$ref": "#/components/parameters/RequestId"}
_ANSWERED_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_OF_EVERY_OPERATION: Json = {
    "parameters": {
        "RequestId": {
            "name": "X-Request-Id",
            "in": "header",
            "required": False,
            "description": "The caller's id of this HTTP request: 1 to 128 of the characters"
            " `A-Z a-z 0-9 . _ ~ : / + = @ -`. Another value, or none, is replaced by a new id.",
            "schema": {"type": "string", "title": "X-Request-Id"},
        }
    },
    "headers": {
        "RequestId": {
            "description": "The caller's `X-Request-Id`, or a new one; it is in the log.",
            "schema": {"type": "string"},
        }
    },
}
"""`api_service.http.observed` reads the one and answers the other."""


class DocumentedApi(FastAPI):
    """FastAPI documents problems as application/json, and drops nulls from examples.

    `bodies` are the models that endpoints read by themselves, see `body_of`.
    """

    def __init__(self, *, bodies: Sequence[type[BaseModel]], **told: Any) -> None:
        super().__init__(**told)
        self._bodies = bodies

    def openapi(self) -> Json:
        """Make the document, once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["servers"] = [{"url": "/"}]
            document["security"] = []  # needs no credentials, which is not said by saying nothing
            _add_models(document, self._bodies)
            for operation in _operations(document):
                for parameter in operation.get("parameters", []):
                    _simplify(parameter["schema"])
                _add_request_id(operation)
                _order(operation)
            document["components"].update(_OF_EVERY_OPERATION)
            for content in _problem_contents(document):
                content[MEDIA_TYPE] = content.pop("application/json")
            schemas = document["components"]["schemas"]
            for model in _WITH_EXAMPLES:
                if model.__name__ in schemas:
                    schemas[model.__name__].update(model.model_config["json_schema_extra"])
        return super().openapi()


def body_of(model: type[BaseModel]) -> Json:
    """Document the required body of an endpoint that reads it by itself."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def header_of(name: str, description: str) -> Json:
    """Document an optional header of an endpoint that reads it by itself."""
    schema = {"type": "string", "title": name.title()}
    header = {"name": name, "in": "header", "required": False, "schema": schema}
    return {"parameters": [{**header, "description": description}]}


def uuid_of(name: str) -> Json:
    """Document a path parameter of an endpoint that reads it by itself."""
    title = name.replace("_", " ").title()
    schema = {"type": "string", "format": "uuid", "title": title}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _add_models(document: Json, models: Sequence[type[BaseModel]]) -> None:
    """Define models as FastAPI would, in the order of their names."""
    asked: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation") for model in models
    ]
    _, definitions = models_json_schema(asked, ref_template=_REFERENCE)
    schemas = _encoded(definitions.get("$defs", {})) | document["components"]["schemas"]
    document["components"]["schemas"] = {name: schemas[name] for name in sorted(schemas)}


def _encoded(schemas: Json) -> Json:
    """Write schemas as FastAPI writes its own."""
    whole = OpenAPI.model_validate(
        {
            "openapi": "3.1.0",
            "info": {"title": "", "version": ""},
            "paths": {},
            "components": {"schemas": schemas},
        }
    )
    encoded: Json = jsonable_encoder(whole, by_alias=True, exclude_none=True)
    written: Json = encoded["components"]["schemas"]
    return written


def _simplify(schema: Json) -> None:
    """Write a parameter as it is sent: never null, and not at all where it is left out."""
    schema.pop("default", None)
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema.update(kinds[0])


def _add_request_id(operation: Json) -> None:
    operation["parameters"] = [*operation.get("parameters", []), _REQUEST_ID]
    for answer in operation["responses"].values():
        answer["headers"] = answer.get("headers", {}) | _ANSWERED_ID


def _order(operation: Json) -> None:
    ordered = {name: operation[name] for name in _MEMBERS if name in operation} | operation
    operation.clear()
    operation.update(ordered)


def _operations(document: Json) -> Iterator[Json]:
    for path in document["paths"].values():
        yield from path.values()


def _problem_contents(document: Json) -> Iterator[Json]:
    for operation in _operations(document):
        for answer in operation["responses"].values():
            content = answer.get("content", {})
            if content.get("application/json", {}).get("schema") == _PROBLEM:
                yield content


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function, as generated clients will call it."""
    return route.name
