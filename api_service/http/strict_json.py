"""Routes whose bodies one strict parser reads, and whose query parameters are all known.

`StrictRoute` is FastAPI's own way to change the request of a route, so that dependencies, optional
bodies, query parameters beside a body and typed answers work as they do elsewhere:
https://fastapi.tiangolo.com/how-to/custom-request-and-route/
"""

import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from inspect import isclass
from typing import Any, TypeVar

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, RouteContext
from pydantic import BaseModel, TypeAdapter, ValidationError

from api_service.http import query
from api_service.http.json_parser import parse
from api_service.http.problems import ProblemError

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")

_CLOSE = {"Connection": "close"}
"""Else the server would read the rest of the body, to find where the next request begins."""

_JSON = re.compile(rb"application/([^\s;/]+\+)?json\s*(;[^,]*)?$", re.IGNORECASE)
_OTHER_CHARSET = re.compile(rb";\s*charset\s*=\s*(?!\"?utf-?8\"?\s*(;|$))", re.IGNORECASE)
_LENGTH_DIGITS = 20


class StrictRequest(Request):
    """A request whose body is bounded and parsed strictly, by whatever asks for it."""

    _content: bytes | None = None

    async def body(self) -> bytes:
        """Read the body.

        Raises:
            ProblemError: 415 for a body that is not plain JSON, 413 for one over the limit.
        """
        if self._content is None:
            self._check_media_type()
            limit: int = self.app.state.context.settings.max_body_bytes
            declared = self._length()
            if declared.isdigit() and (len(declared) > _LENGTH_DIGITS or int(declared) > limit):
                raise _too_large(limit)
            self._content = await self._read(limit)
        return self._content

    async def json(self) -> Any:
        """Parse the body.

        Raises:
            ProblemError: 422 as for `json_parser.parse`, and as for `body`.
        """
        return parse(await self.body())

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Give the body as one part, which the same rules bound."""
        yield await self.body()

    def lines_of(self, name: bytes) -> list[bytes]:
        """List the values of a header, which is named in lower case, line by line."""
        return [value for key, value in self.scope["headers"] if key == name]

    def _check_media_type(self) -> None:
        if not self.lines_of(b"transfer-encoding") and self._length() == b"0":
            return
        types = {*self.lines_of(b"content-type")}
        found = _JSON.match(types.pop()) if len(types) == 1 else None
        if found is None:
            raise ProblemError(
                415, "unsupported_media_type", "Send `Content-Type: application/json`."
            )
        if found[2] and _OTHER_CHARSET.search(found[2]):
            raise ProblemError(415, "unsupported_media_type", "Send the body in UTF-8.")
        codings = {coding.lower() for coding in self.lines_of(b"content-encoding")}
        if codings - {b"identity"}:
            raise ProblemError(415, "unsupported_media_type", "Send the body uncompressed.")

    def _length(self) -> bytes:
        return b", ".join(self.lines_of(b"content-length")) or b"0"

    async def _read(self, limit: int) -> bytes:
        content, has_more = b"", True
        while has_more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "The client disconnected before the body ended.", _CLOSE)
            content += message.get("body", b"")
            has_more = message.get("more_body", False)
            if len(content) > limit:
                raise _too_large(limit)
        return content


def _too_large(limit: int) -> ProblemError:
    detail = f"The request body exceeds {limit:,} bytes."
    return ProblemError(413, "body_too_large", detail, headers=_CLOSE)


class StrictRoute(APIRoute):
    """A route that gives its endpoint a `StrictRequest` and refuses unknown query parameters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check the query, then call the endpoint as FastAPI does."""
        handler = super().get_route_handler()
        self.known_parameters = _parameters_of(self.dependant)

        async def handle(request: Request) -> Response:
            query.check(request.scope["query_string"], self.known_parameters)
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def learn_parameters(routes: Iterable[RouteContext]) -> None:
    """Add what the dependencies of an inclusion ask for, which its routes cannot know."""
    for route in routes:
        if isinstance(route.original_route, StrictRoute):
            route.original_route.known_parameters |= _parameters_of(route.dependant)


def _parameters_of(wanted: Any) -> set[str]:
    """Name the query parameters of an endpoint and of all that it depends on."""
    own = (_names_of(field) for field in wanted.query_params)
    return set().union(*own, *map(_parameters_of, wanted.dependencies))


def _names_of(field: Any) -> set[str]:
    """Name the parameters of a field, which may be a model of several."""
    kind = field.field_info.annotation
    if not (isclass(kind) and issubclass(kind, BaseModel)):
        return {field.alias}
    return {member.alias or name for name, member in kind.model_fields.items()}


async def read_body(request: Request, model: type[Model]) -> Model:
    """Read a required body as FastAPI would.

    Raises:
        ProblemError: as for `StrictRequest`.
        RequestValidationError: there is none, or it does not fit the model.
    """
    if not await request.body():
        raise RequestValidationError([{"loc": ("body",), "msg": "Field required"}])
    return _validated(model.model_validate, await request.json(), place=("body",))


def read_path(request: Request, name: str, adapter: TypeAdapter[Value]) -> Value:
    """Read a path parameter as FastAPI would.

    Raises:
        RequestValidationError: it does not fit.
    """
    return _validated(adapter.validate_python, request.path_params[name], place=("path", name))


def read_header(request: StrictRequest, name: bytes) -> str | None:
    """Read a header; repeated lines are one list (RFC 9110, section 5.3)."""
    lines = request.lines_of(name)
    return b", ".join(lines).decode("latin-1") if lines else None


def _validated(validate: Callable[[Any], Value], given: Any, *, place: tuple[str, ...]) -> Value:
    try:
        return validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise RequestValidationError(
            [{**fault, "loc": (*place, *fault["loc"])} for fault in faults]
        ) from error
