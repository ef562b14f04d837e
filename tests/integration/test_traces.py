"""The spans of a request are one trace, from POST to settled, over both services."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest

from tests.stack import Stack
from tests.support.client import settled, submit
from tests.support.collector import Collector, Received, collecting
from tests.support.processes import Services
from tests.support.spans import SPAN_ID, TRACE_ID, TRACEPARENT
from tests.support.waiting import eventually

AT_ONCE = 12


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        yield collector


async def test_a_request_is_one_trace_from_post_to_settled(
    services: Services, stack: Stack, collector: Collector
):
    traces = {"otel_exporter_otlp_endpoint": collector.url}
    (api,) = await services.apis(1, **traces)
    worker = await services.worker(**traces)

    async with httpx.AsyncClient(base_url=api.url) as client:
        others = await asyncio.gather(*(submit(client) for _ in range(AT_ONCE)))
        client.headers["traceparent"] = TRACEPARENT
        path = await submit(client, count=2)
        await asyncio.gather(*(settled(client, each) for each in (path, *others)))
    for service in (worker, api):
        service.send(signal.SIGTERM)
        assert await service.exit_status() == 0

    spans = collector.of_trace(TRACE_ID)
    tree = Tree(spans)
    requests, events = (
        f"{stack.prefix}generation-requests.normal",
        f"{stack.prefix}generation-events",
    )
    assert tree.under(SPAN_ID) == ["POST /generation-requests"]
    root = tree.one("POST /generation-requests")
    assert (root.service, root.kind) == ("generation-api", "server")
    assert tree.under(root.span_id) == [
        "claim",
        f"publish {events}",
        f"publish {requests}",
        "settle",
    ]
    claim = tree.one("claim")
    assert claim.service == "generation-worker"
    assert tree.under(claim.span_id) == [
        "attempt sentence",
        "attempt sentence",
        "record",
        "record",
    ]
    for attempt in tree.named("attempt sentence"):
        assert tree.under(attempt.span_id) == ["chat"]
    assert not any(span.is_error for span in spans)
    assert {span.attributes["generation.request.id"] for span in spans} == {path[-36:]}
    assert tree.one(f"publish {requests}").service == "generation-api"
    _check_batches(collector.spans)


def _check_batches(spans: list[Received]) -> None:
    """Check that each batch links to the traces of its shares, and each share to its batch."""
    batches = {span.span_id: span for span in spans if span.name.endswith(" batch")}
    for span_id, batch in batches.items():
        shares = [span for span in spans if span_id in span.links]
        assert len(shares) == batch.attributes["generation.batch.size"]
        assert {share.parent_id for share in shares} == batch.links
        assert batch.trace_id not in {share.trace_id for share in shares}


class Tree:
    """The spans of one trace, by their parents."""

    def __init__(self, spans: Iterable[Received]) -> None:
        self._spans = [*spans]

    def under(self, span_id: str) -> list[str]:
        return sorted(span.name for span in self._spans if span.parent_id == span_id)

    def named(self, name: str) -> list[Received]:
        return [span for span in self._spans if span.name == name]

    def one(self, name: str) -> Received:
        (span,) = self.named(name)
        return span


async def test_a_service_goes_on_without_its_collector(services: Services):
    told = {
        "otel_exporter_otlp_endpoint": "http://127.0.0.1:1",
        "otel_exporter_otlp_headers": "Authorization: Bearer hush",  # it should be `name=value`
    }
    api, *_ = await services.apis(1, **told)
    worker = await services.worker(**told, otel_bsp_schedule_delay=100)

    async with httpx.AsyncClient(base_url=api.url) as client:
        await settled(client, await submit(client))
    await eventually(lambda: b"collector_lost" in worker.log.read_bytes())
    for service in (worker, api):
        service.send(signal.SIGTERM)
        assert await service.exit_status() == 0

    for service in (worker, api):
        assert service.log.read_bytes().count(b"collector_lost") <= 1
        assert b"Traceback" not in service.log.read_bytes()
        assert b"hush" not in service.log.read_bytes()
