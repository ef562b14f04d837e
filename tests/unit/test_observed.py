"""Each HTTP request is counted by its route, and its ids stand in its answer and in its lines."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from structlog.contextvars import clear_contextvars, merge_contextvars
from structlog.testing import capture_logs

from api_service.app import create_app
from api_service.context import AppContext
from shared.runtime.metrics import API
from shared.tracing import Tracer
from tests.support.spans import Recorded, attributes_of, context_of, parent_of

Lines = list[Any]

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
UNKNOWN = "/v1/generation-requests/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"
MADE = re.compile("[0-9a-f]{32}")


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of an API without traces."""
    async with client_of(None) as client:
        yield client


@pytest.fixture
async def traced(recorded: Recorded) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of an API with traces."""
    async with client_of(recorded.tracer) as client:
        yield client


@asynccontextmanager
async def client_of(tracer: Tracer | None) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of an API whose endpoints find nothing behind them."""
    settings = SimpleNamespace(
        api_prefix="/v1",
        admin_port=None,
        max_body_bytes=1024,
        public_url="",
        trusted_proxies="",
        trusted_networks=(),
    )
    context = cast("AppContext", SimpleNamespace(settings=settings, tracer=tracer))
    transport = httpx.ASGITransport(app=create_app(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    clear_contextvars()


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs([merge_contextvars]) as captured:
        yield captured


def sample(name: str, **labels: object) -> float:
    texts = {label: str(value) for label, value in labels.items()}
    return API.get_sample_value(f"generation_http_{name}", texts) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", UNKNOWN, "/v1/generation-requests/{request_id}", 500),  # by the fast path
        ("HEAD", UNKNOWN, "/v1/generation-requests/{request_id}", 500),
        (
            "GET",
            UNKNOWN.upper().replace("/V1/GENERATION-REQUESTS", "/v1/generation-requests"),
            "/v1/generation-requests/{request_id}",
            500,
        ),  # by the router
        ("POST", "/v1/sentences/generate", "/v1/sentences/generate", 422),
        ("DELETE", "/v1/livez", "/v1/livez", 405),
        ("GET", "/v1/livez", "/v1/livez", 200),
        ("HEAD", "/v1/livez", "/v1/livez", 200),
        ("GET", "/v1/openapi.json", "/v1/openapi.json", 200),
        ("GET", "/v1/no/such/path", "none", 404),
        ("BREW", "/v1/livez", "/v1/livez", 405),
    ],
)
async def test_a_request_is_counted_by_the_template_of_its_route(
    client: httpx.AsyncClient, method: str, path: str, route: str, status: int
):
    label = method if method != "BREW" else "other"
    name = {"method": label, "route": route}
    before = sample("requests_total", status=status, **name)
    measured = sample("request_seconds_count", **name)

    answer = await client.request(method, path)

    assert answer.status_code == status
    assert sample("requests_total", status=status, **name) == before + 1
    assert sample("request_seconds_count", **name) == measured + 1


async def test_the_callers_request_id_comes_back(client: httpx.AsyncClient):
    for path in ("/v1/livez", "/v1/no/such/path", UNKNOWN):
        answer = await client.get(path, headers={"X-Request-Id": "edge-1/7"})

        assert answer.headers.get_list("x-request-id") == ["edge-1/7"]


@pytest.mark.parametrize("given", ["", "a b", "é", "x" * 129, '{"a":1}'])
async def test_an_id_that_is_none_is_replaced(client: httpx.AsyncClient, given: str):
    answer = await client.get("/v1/livez", headers={b"X-Request-Id": given.encode()})

    assert MADE.fullmatch(answer.headers["x-request-id"])


async def test_two_ids_are_none(client: httpx.AsyncClient):
    answer = await client.get("/v1/livez", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])

    assert MADE.fullmatch(answer.headers["x-request-id"])


async def test_a_refusal_is_one_line_with_its_ids(client: httpx.AsyncClient, lines: Lines):
    headers = {"X-Request-Id": "edge-1", "traceparent": TRACEPARENT}

    await client.post("/v1/sentences/generate?secret=1", headers=headers)

    assert lines == [
        {
            "event": "request_refused",
            "log_level": "info",
            "method": "POST",
            "route": "/v1/sentences/generate",
            "status": 422,
            "code": "invalid_request",
            "http_request_id": "edge-1",
            "trace_id": TRACE_ID,
        }
    ]


async def test_what_is_answered_as_asked_has_no_line(client: httpx.AsyncClient, lines: Lines):
    await client.get("/v1/livez")

    assert lines == []


async def test_a_request_without_a_trace_gets_one_of_its_own(
    client: httpx.AsyncClient, lines: Lines
):
    for _ in range(2):
        await client.get("/v1/no/such/path")

    first, second = (line["trace_id"] for line in lines)
    assert MADE.fullmatch(first)
    assert first != second


async def test_a_post_is_a_span_of_the_callers_trace_that_its_lines_name(
    traced: httpx.AsyncClient, recorded: Recorded, lines: Lines
):
    await traced.post("/v1/generation-requests", json={}, headers={"traceparent": TRACEPARENT})

    (span,) = recorded.spans
    assert span.name == "POST /v1/generation-requests"
    assert (context_of(span)[0], parent_of(span)) == (TRACE_ID, TRACEPARENT[36:52])
    told = attributes_of(span)
    assert told["http.route"] == "/v1/generation-requests"
    assert told["http.response.status_code"] == 422
    assert told["generation.problem.code"] == "invalid_request"
    assert span.status.is_unset, "a refusal is no error of the server"
    assert {line["trace_id"] for line in lines} == {TRACE_ID}


async def test_a_post_without_a_trace_begins_the_one_that_its_lines_name(
    traced: httpx.AsyncClient, recorded: Recorded, lines: Lines
):
    await traced.post("/v1/generation-requests", json={}, headers={"traceparent": "malformed"})

    (span,) = recorded.spans
    assert span.parent is None
    assert {line["trace_id"] for line in lines} == {context_of(span)[0]}


async def test_a_post_that_fails_is_a_failed_span(traced: httpx.AsyncClient, recorded: Recorded):
    body = {"entity_type": "sentence", "count": 1, "constraints": {}}
    answer = await traced.post("/v1/generation-requests", json=body)

    (span,) = recorded.spans
    assert answer.status_code == 500
    assert not span.status.is_ok
    assert attributes_of(span)["error.type"] == answer.json()["code"]


async def test_a_post_to_nowhere_has_no_path_in_the_name_of_its_span(
    traced: httpx.AsyncClient, recorded: Recorded
):
    await traced.post("/v1/who-knows/what")

    (span,) = recorded.spans
    assert span.name == "POST"
    assert "http.route" not in attributes_of(span)


async def test_a_poll_is_no_span(traced: httpx.AsyncClient, recorded: Recorded):
    await traced.get(UNKNOWN)

    assert recorded.spans == []
