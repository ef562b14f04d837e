"""Every error as application/problem+json (RFC 9457), FastAPI's and Starlette's own included."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from schemas.api import Fault, ProblemDetails
from shared.errors import DatabaseUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_UNAVAILABLE = "2"

VALIDATION_FAILED = "Request validation failed."
DATABASE_UNAVAILABLE = "The database is unavailable; try again."
MAY_BE_ACCEPTED = "The database is unavailable. The request may or may not have been accepted."
MAY_BE_MADE = "The database is unavailable. The change may or may not have been made."
NOT_MADE = "The database is unavailable. The change was not made; try again."
NOT_ACCEPTED = "The database is unavailable. The request was not accepted; try again."
UNEXPECTED = "An unexpected error occurred; it was logged."

MAX_ERRORS = 50
"""A problem lists at most so many faults; a body of 64 KiB can have ten thousand."""

_FRAGMENT = "!$&'()*+,;=:@?~"
_PATH = "/!$&'()*+,;=:@~"
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110 names these otherwise than older Pythons do."""

_SAFE = frozenset({"GET", "HEAD"})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_DETAILS = {404: "No resource has this path.", 405: "This path has other methods: see `Allow`."}
_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class ProblemError(HTTPException):
    """An answer that is a problem.

    `errors` holds (detail, JSON pointer) pairs, `parameters` (detail, name of a parameter) pairs.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        parameters: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        faults = [Fault(detail=d, pointer=p) for d, p in errors]
        faults += [Fault(detail=d, parameter=p) for d, p in parameters]
        self.errors = faults or None


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, _unexpected)


async def answer_to(request: Request, error: Exception) -> Response:
    """Answer an expected error; raise any other again."""
    for kind, handler in _HANDLERS.items():
        if isinstance(error, kind):
            return await handler(request, error)
    raise error


def _answer(
    request: Request, problem: ProblemDetails, headers: dict[str, str] | None = None
) -> Response:
    # Not `request.url`: it decodes the query, which may be no UTF-8.
    request.scope["problem_code"] = problem.code
    path = quote(request.scope["path"], safe=_PATH, errors="replace")
    body = problem.model_copy(update={"instance": path})
    return Response(
        body.model_dump_json(exclude_none=True),
        problem.status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    problem = ProblemDetails(
        title=title_of(status),
        status=status,
        detail=_DETAILS.get(status) if error.detail == status.phrase else error.detail,
        code=getattr(error, "code", None) or _CODES.get(status, status.name.lower()),
        errors=getattr(error, "errors", None),
    )
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return _answer(request, problem, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Ask every route of the path: the router tells the methods of the first one alone."""
    allowed = [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return ["GET", "HEAD", *allowed[1:]] if "GET" in allowed else allowed


def title_of(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problem = ProblemDetails(
        title=title_of(422),
        status=422,
        detail=VALIDATION_FAILED,
        code="invalid_request",
        errors=[_fault(fault) for fault in error.errors()[:MAX_ERRORS]],
    )
    return _answer(request, problem)


_SENTENCES = dict.fromkeys(("dict_type", "model_type"), "Input should be a JSON object")
"""pydantic speaks of dictionaries and instances, which are Python's."""


def _fault(fault: dict[str, Any]) -> Fault:
    place, *path = fault["loc"]
    detail = _SENTENCES.get(fault.get("type", "")) or fault["msg"].removeprefix("Value error, ")
    if place != "body":
        return Fault(detail=detail, parameter=".".join(map(str, path)))
    return Fault(detail=detail, pointer=pointer(*path))


def pointer(*path: str | int) -> str:
    """Return the JSON pointer of a place in the body, as a URI fragment (RFC 6901)."""
    return "".join(("#", *(f"/{_escaped(str(part))}" for part in path)))


def _escaped(member: str) -> str:
    return quote(member.replace("~", "~0").replace("/", "~1"), safe=_FRAGMENT, errors="replace")


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, DatabaseUnavailable)  # noqa: S101
    problem = ProblemDetails(
        title="Service Unavailable",
        status=503,
        detail=_unavailable_detail(request.method, error),
        code="database_unavailable",
    )
    return _answer(request, problem, {"Retry-After": RETRY_AFTER_UNAVAILABLE})


def _unavailable_detail(method: str, error: DatabaseUnavailable) -> str:
    """Say what became of the request, as far as that is known."""
    if method in _SAFE:
        return DATABASE_UNAVAILABLE
    if method == "POST":
        return NOT_ACCEPTED if error.is_without_effect else MAY_BE_ACCEPTED
    return NOT_MADE if error.is_without_effect else MAY_BE_MADE


async def _unexpected(request: Request, _: Exception) -> Response:
    """Answer; the server re-raises and logs the error with its traceback."""
    problem = ProblemDetails(
        title="Internal Server Error",
        status=500,
        detail=UNEXPECTED,
        code="unexpected",
    )
    return _answer(request, problem)


_HANDLERS = {
    StarletteHTTPException: _http_error,
    RequestValidationError: _invalid,
    DatabaseUnavailable: _unavailable,
}
