"""How routes document their answers for OpenAPI."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from api_service.http.problems import (
    DATABASE_UNAVAILABLE,
    MAY_BE_ACCEPTED,
    UNEXPECTED,
    VALIDATION_FAILED,
    title_of,
)
from schemas.api import Fault, ProblemDetails

Json: TypeAlias = dict[str, Any]
Answers: TypeAlias = dict[int | str, Json]

_HEADERS: dict[str, Json] = {
    "Location": {"description": "Where to poll.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds until a poll is worth while; none once the status is final.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "ETag": {
        "description": "For `If-None-Match`; another one with every change of the record.",
        "schema": {"type": "string"},
    },
}


def answer(description: str, *headers: str) -> Json:
    """Describe an answer with some of the headers that several routes have."""
    return {"description": description, "headers": {name: _HEADERS[name] for name in headers}}


def documented(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, Any] | None = None,
) -> Json:
    """Describe an answer for OpenAPI; `api_service.http.openapi` gives it its media type."""
    example = ProblemDetails(
        title=title_of(status),
        status=status,
        detail=detail,
        code=code,
        errors=[*errors] or None,
    )
    return {
        "model": ProblemDetails,
        "description": f"{title_of(status)}: {detail}",
        "headers": dict(headers or {}),
        "content": {"application/json": {"example": example.model_dump(exclude_none=True)}},
    }


def _unavailable(detail: str) -> Json:
    headers = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    return documented(503, "database_unavailable", detail, headers=headers)


def _invalid(fault: Fault) -> Json:
    return documented(422, "invalid_request", VALIDATION_FAILED, errors=[fault])


_OTHER: Json = {
    **documented(500, "unexpected", UNEXPECTED),
    "description": "Any other error, such as this one: a bug, which was logged.",
}

QUERY_PROBLEM: Answers = {
    422: _invalid(Fault(detail="Unknown parameter.", parameter="state")),
}
"""What every route may answer."""

READ_PROBLEMS: Answers = {
    **QUERY_PROBLEM,
    503: _unavailable(DATABASE_UNAVAILABLE),
    "default": _OTHER,
}
"""What every route that reads PostgreSQL may answer."""

SUBMIT_PROBLEMS: Answers = {
    413: documented(413, "body_too_large", "The request body exceeds 65,536 bytes."),
    415: documented(415, "unsupported_media_type", "Send `Content-Type: application/json`."),
    422: _invalid(Fault(detail="Input should be less than or equal to 10", pointer="#/count")),
    503: _unavailable(MAY_BE_ACCEPTED),
    "default": _OTHER,
}
"""What every route that accepts work may answer."""
