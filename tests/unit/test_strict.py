"""Routes whose endpoints are called directly, and the shortcut to them."""

from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import (
    APIRouter,
    Body,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Request,
    Response,
    params,
)
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.types import Message

from api_service.http import problems
from api_service.http.strict import Shortcut, StrictRoute, direct_handler

UNKNOWN_PARAMETER = {"detail": "there is no such parameter", "parameter": "shown"}


class Asked(BaseModel):
    number: int


def an_app(router: APIRouter, dependencies: Sequence[params.Depends] = ()) -> FastAPI:
    """Return an application whose routes have the prefix `/v1`, with the shortcut before it."""
    app = FastAPI(openapi_url=None)
    app.state.context = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    problems.install(app)
    app.include_router(router, prefix="/v1", dependencies=dependencies)
    app.add_middleware(Shortcut, routes=[*iter_route_contexts(app.routes)])
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
    routes = iter_route_contexts(a_router().routes)
    assert {route.path: direct_handler(route) is not None for route in routes} == {
        "/things": True,
        "/things/{number}": True,
        "/things/{number}/parts/{part}": True,
        "/lists": False,
    }


async def test_the_shortcut_leads_to_direct_routes_alone():
    router = a_router()
    app = FastAPI(openapi_url=None)
    app.state.context = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    app.add_middleware(Shortcut, routes=[*iter_route_contexts(an_app(router).routes)])
    async with client_of(app) as client:
        assert (await client.post("/v1/things", json={"number": 1})).text == "1 red /v1/things"
        assert (await client.get("/v1/things/1")).text == "2 GET"
        for path in ("/v1/lists", "/v1/things/", "/v1/things", "/v1/things/1/parts/2"):
            assert (await client.get(path)).status_code == 404


async def test_a_path_with_several_parameters_takes_the_way_of_fastapi(client):
    assert (await client.get("/v1/things/1/parts/2")).text == "3 GET"
    assert (await client.get("/v1/things/{number}/parts/2")).status_code == 422


async def test_a_header_that_is_not_given_has_the_default_of_the_endpoint(client):
    told = await client.post("/v1/things", json={"number": 1}, headers={"Colour": "blue"})
    assert told.text == "1 blue /v1/things"
    untold = await client.post("/v1/things", json={"number": 1})
    assert untold.text == "1 red /v1/things"


async def test_a_header_given_twice_is_one_list(client):
    twice = [("Colour", "blue"), ("Colour", "blue"), ("Colour", "green")]
    answer = await client.post("/v1/things", json={"number": 1}, headers=twice)
    assert answer.text == "1 blue, blue, green /v1/things"


JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON, JSON], 200),
        ([JSON, ("Content-Type", "text/plain")], 415),
        ([("Content-Type", "text/plain"), JSON], 415),
        ([("Content-Type", "application/json; charset=utf-8"), JSON], 415),
        ([("Content-Type", "application/json; charset=utf-8")], 200),
        ([JSON, ("Content-Encoding", "identity"), ("Content-Encoding", "identity")], 200),
        ([JSON, ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], 415),
    ],
)
async def test_a_body_is_of_one_media_type_and_coding(
    client, headers: list[tuple[str, str]], status: int
):
    answer = await client.post("/v1/things", content=b'{"number": 1}', headers=headers)
    assert answer.status_code == status


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
    assert (b"connection", b"close") in answered[0]["headers"]


@pytest.mark.parametrize("content", [b"[" * 101, None], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_ends_the_connection(client, content: bytes | None):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"[" * 101

    headers = {"Content-Type": "application/json"}
    answer = await client.post("/v1/things", content=content or chunks(), headers=headers)
    assert (answer.status_code, answer.headers["Connection"]) == (413, "close")


def deny() -> None:
    raise HTTPException(403, "denied")


DENIED = [Depends(deny)]


async def say_yes(request: Request) -> Response:
    return Response(f"yes {request.method}")


def a_router_of(
    endpoint: Callable[..., Any],
    path: str = "/asked",
    *,
    method: str = "GET",
    route_class: type[APIRoute] = StrictRoute,
) -> APIRouter:
    router = APIRouter(route_class=route_class)
    router.add_api_route(path, endpoint, methods=[method], response_model=None)
    return router


async def test_a_dependency_of_a_router_is_never_passed_by():
    router = APIRouter(route_class=StrictRoute, dependencies=DENIED)
    router.add_api_route("/asked", say_yes)
    assert (await client_of(an_app(router)).get("/v1/asked")).status_code == 403


async def test_a_dependency_of_a_route_is_never_passed_by():
    router = APIRouter(route_class=StrictRoute)
    router.add_api_route("/asked", say_yes, dependencies=DENIED)
    assert (await client_of(an_app(router)).get("/v1/asked")).status_code == 403


async def test_a_dependency_of_an_inclusion_is_never_passed_by():
    app = an_app(a_router_of(say_yes), DENIED)
    assert (await client_of(app).get("/v1/asked")).status_code == 403


async def test_a_dependency_of_an_inclusion_counts_on_the_way_of_fastapi():
    app = FastAPI(openapi_url=None)
    app.include_router(a_router_of(say_yes), dependencies=DENIED)
    assert (await client_of(app).get("/asked")).status_code == 403


async def test_of_two_inclusions_only_the_one_with_a_dependency_is_denied():
    router, app = a_router_of(say_yes), FastAPI(openapi_url=None)
    app.include_router(router, prefix="/closed", dependencies=DENIED)
    app.include_router(router, prefix="/open")
    routes = iter_route_contexts(app.routes)
    direct = {route.path for route in routes if direct_handler(route) is not None}
    assert "/open/asked" in direct
    assert "/closed/asked" not in direct
    assert (await client_of(app).get("/closed/asked")).status_code == 403
    assert (await client_of(app).get("/open/asked")).text == "yes GET"


async def with_a_query(asked: Asked, request: Request, limit: int = 20) -> Response:
    return Response(f"{asked} {request.method} {limit}")


async def with_two_bodies(asked: Asked, other: Asked, request: Request) -> Response:
    return Response(f"{asked} {other} {request.method}")


async def with_an_embedded_body(
    asked: Annotated[Asked, Body(embed=True)], request: Request
) -> Response:
    return Response(f"{asked} {request.method}")


async def with_a_body_that_may_be_absent(request: Request, asked: Asked | None = None) -> Response:
    return Response(f"{asked} {request.method}")


async def without_the_request(asked: Asked) -> Response:
    return Response(f"{asked}")


async def without_a_response(asked: Asked, request: Request) -> str:
    return f"{asked} {request.method}"


def not_a_coroutine(asked: Asked, request: Request) -> Response:
    return Response(f"{asked} {request.method}")


async def with_a_list_in_a_header(
    asked: Asked, request: Request, colour: Annotated[list[str], Header()]
) -> Response:
    return Response(f"{asked} {request.method} {colour}")


async def with_a_default_made_anew(
    asked: Asked, request: Request, colour: Annotated[str, Header(default_factory=str)]
) -> Response:
    return Response(f"{asked} {request.method} {colour}")


async def with_a_default_to_validate(
    asked: Asked, request: Request, size: Annotated[int, Header(validate_default=True)] = 1
) -> Response:
    return Response(f"{asked} {request.method} {size}")


@pytest.mark.parametrize(
    "endpoint",
    [
        with_a_query,
        with_two_bodies,
        with_an_embedded_body,
        with_a_body_that_may_be_absent,
        without_the_request,
        without_a_response,
        not_a_coroutine,
        with_a_list_in_a_header,
        with_a_default_made_anew,
        with_a_default_to_validate,
    ],
)
def test_a_body_that_fastapi_would_parse_is_refused_at_the_start(endpoint: Callable[..., Any]):
    with pytest.raises(TypeError, match=rf"^/asked \({endpoint.__name__}\) takes a body"):
        a_router_of(endpoint, method="POST")


def test_a_body_whose_inclusion_has_a_dependency_is_refused_at_the_start():
    with pytest.raises(TypeError, match=r"^/v1/things \(make\) takes a body"):
        an_app(a_router(), DENIED)


async def take_headers(
    request: Request,
    number: Annotated[int, Header(alias="Item-Number")],
    key: Annotated[str | None, Header(alias="Idempotency_Key", max_length=3)] = None,
    size: int = Header(7),
) -> Response:
    return Response(f"{request.method} {number!r} {key!r} {size!r}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Item-Number": "1", "Idempotency_Key": "abc", "Size": "8"}, 200),
        ({"Item-Number": "1", "Idempotency-Key": "abc"}, 200),
        ({"Item-Number": "1"}, 200),
        ({"Item-Number": "x", "Idempotency_Key": "abcd", "Size": "y"}, 422),
        ({}, 422),
    ],
)
async def test_headers_are_read_as_fastapi_reads_them(headers: dict[str, str], status: int):
    answers = [
        await client_of(an_app(a_router_of(take_headers, route_class=kind))).get(
            "/v1/asked", headers=headers
        )
        for kind in (StrictRoute, APIRoute)
    ]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].text == answers[1].text


async def test_a_required_header_that_is_not_given_is_told():
    (route,) = iter_route_contexts(a_router_of(take_headers).routes)
    assert direct_handler(route) is not None
    answer = await client_of(an_app(a_router_of(take_headers))).get("/v1/asked")
    assert answer.json()["errors"] == [{"detail": "Field required", "parameter": "Item-Number"}]


async def direct(request: Request) -> Response:
    return Response(f"direct {request.path_params}")


async def other(request: Request, limit: int = 1) -> Response:
    return Response(f"other {request.path_params} {limit}")


async def another(request: Request) -> Response:
    return Response(f"another {request.path_params}")


@pytest.mark.parametrize(
    ("routes", "answers"),
    [
        ([("/{name}.json", direct)], {"a.json": "direct {'name': 'a'}"}),
        ([("/{name:path}", direct)], {"a/b": "direct {'name': 'a/b'}"}),
        ([("/{name:int}", direct)], {"7": "direct {'name': 7}"}),
        ([("/stream", other), ("/{name}", direct)], {"stream": "other {} 1"}),
        ([("/{name}", direct), ("/stream", another)], {"stream": "direct {'name': 'stream'}"}),
        ([("/{name}.json", other), ("/{name}", direct)], {"a.json": "other {'name': 'a'} 1"}),
        ([("/{name}", other), ("/{name}", direct)], {"a": "other {'name': 'a'} 1"}),
        ([("/{name}", direct), ("/{key}", another)], {"a": "direct {'name': 'a'}"}),
        ([("/stream", direct), ("/stream", another)], {"stream": "direct {}"}),
    ],
)
async def test_the_shortcut_leads_where_fastapi_would(
    routes: list[tuple[str, Callable[..., Any]]], answers: dict[str, str]
):
    router = APIRouter(route_class=StrictRoute)
    for path, endpoint in routes:
        router.add_api_route(f"/things{path}", endpoint)
    client = client_of(an_app(router))
    for path, answer in answers.items():
        assert (await client.get(f"/v1/things/{path}")).text == answer
