"""The fast path answers as the router would, for the endpoints of its table alone."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, HTTPException, Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, TypeAdapter
from starlette.types import Message, Receive, Scope, Send

from api_service.fast_path import FastPath
from api_service.fast_path_check import checked
from api_service.http import problems
from api_service.http.strict_json import (
    StrictRequest,
    StrictRoute,
    read_body,
    read_header,
    read_path,
)

ID = "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"


class Asked(BaseModel):
    number: int


async def make(request: StrictRequest) -> Response:
    asked = await read_body(request, Asked)
    return Response(f"{asked.number} {read_header(request, b'colour')}")


async def read(request: StrictRequest) -> Response:
    return Response(str(read_path(request, "thing_id", TypeAdapter(UUID))))


async def broken(request: StrictRequest) -> Response:
    raise ZeroDivisionError(request.url.path)


TABLE = {
    ("POST", "/v1/things"): make,
    ("GET", "/v1/things/{thing_id}"): read,
    ("GET", "/v1/broken"): broken,
}


def an_app(**inclusion: Any) -> FastAPI:
    router = APIRouter(route_class=StrictRoute)
    for (method, path), endpoint in TABLE.items():
        router.add_api_route(path.removeprefix("/v1"), endpoint, methods=[method])
    app = FastAPI(openapi_url=None)
    app.state.context = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    problems.install(app)
    app.include_router(router, prefix="/v1", **inclusion)
    return app


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


def fast(app: FastAPI) -> FastAPI:
    app.add_middleware(FastPath, table=checked(TABLE, iter_route_contexts(app.routes)))
    return app


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("POST", "/v1/things", {"json": {"number": 1}, "headers": {"Colour": "blue"}}),
        ("POST", "/v1/things", {"json": {"number": 1}}),
        (
            "POST",
            "/v1/things",
            {"json": {"number": 1}, "headers": [("Colour", "blue"), ("Colour", "red")]},
        ),
        ("POST", "/v1/things", {"json": {"number": "x"}}),
        (
            "POST",
            "/v1/things",
            {"content": b'{"number"', "headers": {"Content-Type": "text/plain"}},
        ),
        ("POST", "/v1/things", {}),
        ("POST", "/v1/things?shown=1", {"json": {"number": 1}}),
        ("PUT", "/v1/things", {"json": {"number": 1}}),
        ("GET", f"/v1/things/{ID}", {}),
        ("GET", f"/v1/things/{ID.upper()}", {}),
        ("GET", f"/v1/things/{ID}?shown=1", {}),
        ("GET", f"/v1/things/{ID}/", {}),
        ("GET", f"/v1/things/{ID}/parts", {}),
        ("GET", "/v1/things/x", {}),
        ("GET", "/v1/things/", {}),
        ("GET", f"/v1/{ID}", {}),
        ("GET", ID, {}),
    ],
)
async def test_it_answers_as_the_router_does(method: str, path: str, told: dict[str, Any]):
    answers = []
    for app in (an_app(), fast(an_app())):
        async with client_of(app) as client:
            answers.append(await client.request(method, path, **told))

    routed, fast_one = answers
    assert fast_one.status_code == routed.status_code
    assert fast_one.content == routed.content
    assert fast_one.headers == routed.headers


async def test_only_the_table_leads_to_an_endpoint():
    """The application behind it has no route at all."""
    empty = FastAPI(openapi_url=None)
    empty.state.context = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    empty.add_middleware(FastPath, table=TABLE)

    async with client_of(empty) as client:
        assert (await client.post("/v1/things", json={"number": 1})).text == "1 None"
        assert (await client.get(f"/v1/things/{ID}")).text == ID
        for path in (f"/v1/things/{ID.upper()}", "/v1/things/1", f"/v1/things/{ID}/", "/v1/things"):
            assert (await client.get(path)).status_code == 404


async def test_another_scope_than_http_passes():
    seen: list[Scope] = []

    async def inner(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(_: Message) -> None:
        raise AssertionError

    scope = {"type": "websocket", "path": f"/v1/things/{ID}"}
    await FastPath(inner, table=TABLE)(scope, receive, send)

    assert seen == [scope]


async def test_an_unexpected_error_is_told_and_raised():
    app = fast(an_app())
    with pytest.raises(ZeroDivisionError):
        await client_of(app).get("/v1/broken")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/v1/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")


async def test_a_client_that_leaves_in_its_body_is_no_error_of_ours():
    coming: list[Message] = [
        {"type": "http.request", "body": b'{"num', "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/things",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
    }
    await fast(an_app())(scope, receive, send)
    assert answered[0]["status"] == 400
    assert (b"connection", b"close") in answered[0]["headers"]


def deny() -> None:
    raise HTTPException(403, "denied")


def test_an_endpoint_whose_inclusion_has_a_dependency_is_refused_at_the_start():
    app = an_app(dependencies=[Depends(deny)])

    with pytest.raises(TypeError, match="POST /v1/things has dependencies"):
        fast(app)


@pytest.mark.parametrize("place", ["route", "router"])
def test_an_endpoint_whose_route_has_a_dependency_is_refused_at_the_start(place: str):
    router = APIRouter(
        route_class=StrictRoute, dependencies=[Depends(deny)] if place == "router" else []
    )
    own = [Depends(deny)] if place == "route" else []
    router.add_api_route("/asked", read, dependencies=own)

    with pytest.raises(TypeError, match="GET /asked has dependencies"):
        checked({("GET", "/asked"): read}, iter_route_contexts(router.routes))


@pytest.mark.parametrize("endpoint", [None, make])
def test_an_endpoint_that_is_not_its_routes_own_is_refused_at_the_start(
    endpoint: Callable[..., Any] | None,
):
    router = APIRouter(route_class=StrictRoute)
    if endpoint is not None:
        router.add_api_route("/asked", endpoint)

    with pytest.raises(TypeError, match="GET /asked has another endpoint"):
        checked({("GET", "/asked"): read}, iter_route_contexts(router.routes))


async def by_query(limit: int = 1) -> None: ...


async def by_header(size: Annotated[int, Header()] = 1) -> None: ...


async def by_cookie(crumb: Annotated[int, Cookie()] = 1) -> None: ...


async def by_body(asked: dict[str, Any]) -> None: ...


@pytest.mark.parametrize("endpoint", [by_query, by_header, by_cookie, by_body])
def test_an_endpoint_that_has_parameters_is_refused_at_the_start(endpoint: Callable[..., Any]):
    router = APIRouter(route_class=StrictRoute)
    router.add_api_route("/asked", endpoint)

    with pytest.raises(TypeError, match="GET /asked has parameters"):
        checked({("GET", "/asked"): endpoint}, iter_route_contexts(router.routes))
