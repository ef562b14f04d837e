"""Routes whose endpoints are called directly, and the shortcut to them."""

from types import SimpleNamespace
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header, Request, Response
from pydantic import BaseModel
from starlette.types import Message

from api_service import problems
from api_service.strict import Shortcut, StrictRoute

UNKNOWN_PARAMETER = {"detail": "there is no such parameter", "parameter": "shown"}


class Asked(BaseModel):
    number: int


def an_app(router: APIRouter) -> FastAPI:
    """Return an application whose routes have the prefix `/v1`, with the shortcut before it."""
    app = FastAPI(openapi_url=None)
    app.state.road = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    problems.install(app)
    app.add_middleware(Shortcut, routes=router.routes, prefix="/v1")
    app.include_router(router, prefix="/v1")
    return app


def a_router() -> APIRouter:
    router = APIRouter(route_class=StrictRoute)

    @router.post("/things")
    async def make(
        asked: Asked, request: Request, colour: Annotated[str | None, Header()] = "red"
    ) -> Response:
        return Response(f"{asked.number} {colour} {request.url.path}")

    @router.get("/things/{number}")
    async def read(number: int, request: Request) -> Response:
        return Response(f"{number + 1} {request.method}")

    @router.get("/things/{number}/parts/{part}")
    async def read_part(number: int, part: int, request: Request) -> Response:
        return Response(f"{number + part} {request.method}")

    @router.get("/lists")
    async def show(request: Request, limit: int = 20) -> Response:
        return Response(f"{limit} {request.method}")

    return router


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.fixture
async def client():
    async with client_of(an_app(a_router())) as lent:
        yield lent


def test_an_endpoint_that_wants_a_query_is_left_to_fastapi():
    routes = {route.path: route for route in a_router().routes if isinstance(route, StrictRoute)}
    assert {path: route.is_direct for path, route in routes.items()} == {
        "/things": True,
        "/things/{number}": True,
        "/things/{number}/parts/{part}": True,
        "/lists": False,
    }


async def test_the_shortcut_leads_to_direct_routes_alone():
    router = a_router()
    app = FastAPI(openapi_url=None)
    app.state.road = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    app.add_middleware(Shortcut, routes=router.routes, prefix="/v1")
    async with client_of(app) as client:
        assert (await client.post("/v1/things", json={"number": 1})).text == "1 red /v1/things"
        assert (await client.get("/v1/things/1")).text == "2 GET"
        for path in ("/v1/lists", "/v1/things/", "/v1/things", "/v1/things/1/parts/2"):
            assert (await client.get(path)).status_code == 404


async def test_a_path_with_several_parameters_takes_the_way_of_fastapi(client):
    assert (await client.get("/v1/things/1/parts/2")).text == "3 GET"


async def test_a_header_that_is_not_given_has_the_default_of_the_endpoint(client):
    told = await client.post("/v1/things", json={"number": 1}, headers={"Colour": "blue"})
    assert told.text == "1 blue /v1/things"
    untold = await client.post("/v1/things", json={"number": 1})
    assert untold.text == "1 red /v1/things"


async def test_of_a_header_given_twice_the_first_counts(client):
    twice = [("Colour", "blue"), ("Colour", "green")]
    answer = await client.post("/v1/things", json={"number": 1}, headers=twice)
    assert answer.text == "1 blue /v1/things"


async def test_a_direct_route_checks_its_query(client):
    answer = await client.post("/v1/things?shown=1", json={"number": 1})
    assert (answer.status_code, answer.json()["errors"]) == (422, [UNKNOWN_PARAMETER])


@pytest.mark.parametrize(
    ("path", "parameter"),
    [("/v1/things/x", "number"), ("/v1/things/%00", "number")],
)
async def test_a_path_that_does_not_fit_is_told_as_fastapi_does(client, path: str, parameter: str):
    answer = await client.get(path)
    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize(
    ("sent", "detail", "place"),
    [
        (b"", "Field required", "#"),
        (b'{"number": "x"}', "Input should be a valid integer", "#/number"),
        (b"[]", "Input should be a valid dictionary or object to extract fields from", "#"),
    ],
)
async def test_a_body_that_does_not_fit_is_told_as_fastapi_does(
    client, sent: bytes, detail: str, place: str
):
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/v1/things", content=sent, headers=headers)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["detail"].startswith(detail)
    assert fault["pointer"] == place


async def test_a_method_that_a_path_has_not_is_told_by_fastapi(client):
    answer = await client.put("/v1/things", json={"number": 1})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


async def test_what_an_endpoint_did_not_expect_is_told_and_raised():
    router = APIRouter(route_class=StrictRoute)

    @router.get("/broken")
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError(request.url.path)

    app = an_app(router)
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
    await an_app(a_router())(scope, receive, send)
    assert answered[0]["status"] == 400
