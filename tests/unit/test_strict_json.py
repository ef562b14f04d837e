"""Strict routes: whatever FastAPI offers, with one parser for every body."""

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, params
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field

from api_service.http import problems
from api_service.http.strict_json import StrictRoute, learn_parameters

UNKNOWN_PARAMETER = {"detail": "Unknown parameter.", "parameter": "shown"}
JSON = ("Content-Type", "application/json")


class Asked(BaseModel):
    number: int


class Shown(BaseModel):
    limit: int = 20
    sorted_by: str = Field("age", alias="sort")


class Told(BaseModel):
    answer: int
    left_out: str | None = None


def the_colour(colour: Annotated[str, Query()] = "red") -> str:
    return colour


def deny() -> None:
    raise HTTPException(403, "denied")


def a_router(dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    router = APIRouter(route_class=StrictRoute, dependencies=[*dependencies])

    @router.post("/things")
    async def make(asked: Asked) -> Told:
        return Told(answer=asked.number)

    @router.post("/with-a-dependency")
    async def depend(asked: Asked, colour: Annotated[str, Depends(the_colour)]) -> str:
        return f"{asked.number} {colour}"

    @router.post("/with-a-query")
    async def query(asked: Asked, limit: int = 20) -> str:
        return f"{asked.number} {limit}"

    @router.post("/with-an-optional-body")
    async def optional(asked: Asked | None = None) -> str:
        return f"{asked and asked.number}"

    @router.post("/with-a-header")
    async def header(asked: Asked, size: Annotated[int, Header()] = 7) -> str:
        return f"{asked.number} {size}"

    @router.get("/lists")
    async def show(request: Request, limit: int = 20) -> str:
        return f"{limit} {request.method}"

    @router.get("/lists-by-a-model")
    async def list_by(shown: Annotated[Shown, Query()]) -> str:
        return f"{shown.limit} {shown.sorted_by}"

    @router.post("/streams")
    async def stream(request: Request) -> str:
        return f"{[part async for part in request.stream()]}"

    return router


def client_of(router: APIRouter, dependencies: Sequence[params.Depends] = ()) -> httpx.AsyncClient:
    app = FastAPI(openapi_url=None)
    app.state.context = SimpleNamespace(settings=SimpleNamespace(max_body_bytes=100))
    problems.install(app)
    app.include_router(router, prefix="/v1", dependencies=[*dependencies])
    learn_parameters(iter_route_contexts(app.routes))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test/v1")


@pytest.fixture
async def client():
    async with client_of(a_router()) as lent:
        yield lent


def faults(answer: httpx.Response) -> Any:
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


async def test_a_return_value_has_the_type_that_is_declared(client):
    answer = await client.post("/things", json={"number": 1})

    assert (answer.status_code, answer.json()) == (200, {"answer": 1, "left_out": None})


async def test_a_body_may_stand_beside_a_dependency_with_a_query(client):
    answer = await client.post("/with-a-dependency?colour=blue", json={"number": 1})

    assert answer.json() == "1 blue"


async def test_a_body_may_stand_beside_a_query(client):
    assert (await client.post("/with-a-query?limit=3", json={"number": 1})).json() == "1 3"


async def test_a_body_may_stand_beside_a_header(client):
    answer = await client.post("/with-a-header", json={"number": 1}, headers={"Size": "8"})

    assert answer.json() == "1 8"


async def test_an_optional_body_may_be_absent(client):
    assert (await client.post("/with-an-optional-body")).json() == "None"
    assert (await client.post("/with-an-optional-body", json={"number": 1})).json() == "1"


@pytest.mark.parametrize(
    "path", ["/things", "/with-a-dependency", "/with-a-query", "/with-an-optional-body"]
)
@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        (b'{"number": 1, "number": 2}', "The key 'number' is given twice."),
        (b'{"number": NaN}', "NaN is not a JSON number."),
        (b'{"number": 1e999}', "A number other than 0 must be within 1e-38 to 1e+38."),
        (b'{"number": 99999999999999999999}', "An integer does not fit 64 bits."),
        (b'{"number"', "The body is not JSON: "),
    ],
)
async def test_every_body_has_the_strict_parser(client, path: str, sent: bytes, detail: str):
    (fault,) = faults(await client.post(path, content=sent, headers=[JSON]))

    assert fault["detail"].startswith(detail)


@pytest.mark.parametrize("path", ["/things", "/with-a-dependency", "/with-a-query", "/lists"])
async def test_an_unknown_parameter_is_refused(client, path: str):
    method = "GET" if path == "/lists" else "POST"
    answer = await client.request(method, f"{path}?shown=1", json={"number": 1})

    assert faults(answer) == [UNKNOWN_PARAMETER]


async def test_a_model_may_stand_for_query_parameters(client):
    assert (await client.get("/lists-by-a-model?limit=3&sort=name")).json() == "3 name"
    assert faults(await client.get("/lists-by-a-model?shown=3")) == [UNKNOWN_PARAMETER]


async def test_a_body_that_does_not_fit_is_told_with_its_place(client):
    (fault,) = faults(await client.post("/things", json={"number": "x"}))

    assert fault["pointer"] == "#/number"


async def test_a_required_body_that_is_absent_is_told(client):
    assert faults(await client.post("/things")) == [{"detail": "Field required", "pointer": "#"}]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([JSON, JSON], 200),
        ([JSON, ("Content-Type", "text/plain")], 415),
        ([("Content-Type", "text/plain"), JSON], 415),
        ([("Content-Type", "application/json; charset=utf-8"), JSON], 415),
        ([("Content-Type", "application/json; charset=utf-8")], 200),
        ([("Content-Type", "application/problem+json")], 200),
        ([], 415),
        ([JSON, ("Content-Encoding", "identity"), ("Content-Encoding", "identity")], 200),
        ([JSON, ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], 415),
    ],
)
async def test_a_body_is_of_one_media_type_and_coding(
    client, headers: list[tuple[str, str]], status: int
):
    answer = await client.post("/things", content=b'{"number": 1}', headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("content", [b"[" * 101, None], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_ends_the_connection(client, content: bytes | None):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"[" * 101

    answer = await client.post("/things", content=content or chunks(), headers=[JSON])

    assert (answer.status_code, answer.headers["Connection"]) == (413, "close")


async def test_a_body_that_is_read_as_a_stream_has_its_limits(client):
    form = await client.post("/streams", data={"a": "1"})
    large = await client.post("/streams", content=b"[" * 101, headers=[JSON])

    assert (form.status_code, large.status_code) == (415, 413)


async def test_a_stream_has_the_whole_body(client):
    answer = await client.post("/streams", content=b"[1]", headers=[JSON])

    assert answer.json() == "[b'[1]']"


async def test_a_dependency_of_a_router_counts():
    async with client_of(a_router([Depends(deny)])) as client:
        assert (await client.post("/things", json={"number": 1})).status_code == 403


async def test_a_dependency_of_an_inclusion_counts_and_so_does_its_query():
    async with client_of(a_router(), [Depends(the_colour)]) as client:
        told = await client.post("/things?colour=blue", json={"number": 1})
        assert told.status_code == 200
        assert faults(await client.post("/things?shown=1", json={"number": 1}))
    async with client_of(a_router(), [Depends(deny)]) as client:
        assert (await client.post("/things", json={"number": 1})).status_code == 403
