"""Read the body of a submit; an unknown field is answered with the one that was meant, perhaps."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError

from api_service.http.problems import MAX_ERRORS
from api_service.http.strict_json import StrictRequest, read_body
from schemas.entities import ENTITY_TYPES
from schemas.submissions import SubmissionBase

Body = TypeVar("Body", bound=SubmissionBase)

_LONGEST_NAME = 60
_INSIDE = "constraints."
_UNKNOWN = "extra_forbidden"


async def read_submission(
    request: StrictRequest, model: type[Body], *, entity_type: str | None = None
) -> Body:
    """Read a body; `entity_type` is that of the route, None where the body names it.

    Raises:
        ProblemError: as for `StrictRequest`.
        RequestValidationError: there is none, or it does not fit the model.
    """
    try:
        return await read_body(request, model)
    except RequestValidationError as error:
        faults = error.errors()[:MAX_ERRORS]
        if not any(fault.get("type") == _UNKNOWN for fault in faults):
            raise
        body = await request.json()
        names = _names(model, entity_type or body.get("entity_type"))
        raise RequestValidationError([_with_hint(fault, names) for fault in faults]) from error


def _names(model: type[SubmissionBase], entity_type: object) -> dict[str, list[str]]:
    """Name the fields of the body and those inside `constraints`, by what stands before them."""
    found = ENTITY_TYPES.get(entity_type) if isinstance(entity_type, str) else None
    inside = found.constraints.model_fields if found else {}
    return {"": [*model.model_fields], _INSIDE: [*inside]}


def _with_hint(fault: dict[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    if fault.get("type") != _UNKNOWN:
        return fault
    *place, given = fault["loc"][1:]
    meant = _meant(given, names, before=_INSIDE if place else "")
    return {**fault, "msg": f"Unknown field.{f' Did you mean `{meant}`?' if meant else ''}"}


def _meant(given: str, names: Mapping[str, Sequence[str]], *, before: str) -> str | None:
    """Find a name like the given one: at its own place first, then at the other."""
    if len(given) > _LONGEST_NAME:
        return None
    for prefix in sorted(names, key=lambda prefix: prefix != before):
        for name in get_close_matches(given, names[prefix], n=1):
            return f"{prefix}{name}"
    return None
