"""The OpenAPI document: FastAPI's, with what FastAPI gets wrong put right."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api_service.http.problems import MEDIA_TYPE
from schemas.api import Accepted, GenerationRequest
from schemas.dead_letters import DeadLetter, DeadLetterPage
from schemas.submissions import Submission

_PROBLEM = {"$ref": "#/components/schemas/Problem"}


_WITH_EXAMPLES: tuple[type[BaseModel], ...] = (
    Submission,
    Accepted,
    GenerationRequest,
    DeadLetterPage,
    DeadLetter,
)


class DocumentedApi(FastAPI):
    """FastAPI documents problems as application/json, and drops nulls from examples."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; it is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for content in _problem_contents(document):
                content[MEDIA_TYPE] = content.pop("application/json")
            for model in _WITH_EXAMPLES:
                schema = document["components"]["schemas"][model.__name__]
                schema.update(model.model_config["json_schema_extra"])
        return super().openapi()


def _problem_contents(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if content.get("application/json", {}).get("schema") == _PROBLEM:
                    yield content


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function, as generated clients will call it."""
    return route.name
