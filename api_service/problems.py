"""Every error as application/problem+json (RFC 9457), FastAPI's and Starlette's own included."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from schemas.api import Problem, ProblemDetail
from shared.errors import DatabaseUnavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_UNAVAILABLE = "2"

_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class ProblemError(HTTPException):
    """An answer that is a problem; `errors` holds (detail, JSON pointer) pairs."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(status, detail)
        self.code = code
        self.errors = [ProblemDetail(detail=d, pointer=p) for d, p in errors] or None


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(DatabaseUnavailable, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


def _answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    body = problem.model_copy(update={"instance": request.url.path})
    return Response(
        body.model_dump_json(exclude_none=True),
        problem.status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    problem = Problem(
        title=status.phrase,
        status=status,
        detail=error.detail if error.detail != status.phrase else None,
        code=getattr(error, "code", None) or _CODES.get(status, status.name.lower()),
        errors=getattr(error, "errors", None),
    )
    return _answer(request, problem, dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problem = Problem(
        title="Unprocessable Content",
        status=422,
        detail="the request does not fit what is expected",
        code="invalid_request",
        errors=[_fault(fault) for fault in error.errors()],
    )
    return _answer(request, problem)


def _fault(fault: dict[str, Any]) -> ProblemDetail:
    place, *path = fault["loc"]
    detail = fault["msg"].removeprefix("Value error, ")
    if place != "body":
        return ProblemDetail(detail=detail, parameter=".".join(map(str, path)))
    return ProblemDetail(detail=detail, pointer=pointer(*path))


def pointer(*path: str | int) -> str:
    """Return the JSON pointer of a place in the body, as a URI fragment (RFC 6901)."""
    return "".join(("#", *(f"/{_escaped(str(part))}" for part in path)))


def _escaped(member: str) -> str:
    readable = member.encode("utf-8", "replace").decode()
    return readable.replace("~", "~0").replace("/", "~1")


async def _unavailable(request: Request, _: Exception) -> Response:
    problem = Problem(
        title="Service Unavailable",
        status=503,
        detail="the database does not answer; nothing was lost, try again",
        code="database_unavailable",
    )
    return _answer(request, problem, {"Retry-After": RETRY_AFTER_UNAVAILABLE})


async def _unexpected(request: Request, _: Exception) -> Response:
    """Answer; the server re-raises and logs the error with its traceback."""
    problem = Problem(
        title="Internal Server Error",
        status=500,
        detail="an unexpected error; it was logged",
        code="unexpected",
    )
    return _answer(request, problem)
