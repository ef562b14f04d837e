"""A collector that is away holds nothing up, and is one line in the log."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from devstack.ports import pick_free_port
from shared.http.server import listen
from shared.tracing import Tracer, export
from shared.tracing.opening import tracing
from shared.tracing.settings import TracingSettings
from tests.support.collector import collecting
from tests.support.spans import TRACE_ID, TRACEPARENT
from tests.support.waiting import eventually

SPANS_AT_ONCE = 512
"""The size of a batch, which is sent at once."""

EXPORT_SECONDS = 10.0
"""How long the exporter waits for a collector, which would be waited for if it held anything up."""


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


def settings(url: str, **told: Any) -> TracingSettings:
    return TracingSettings(otel_exporter_otlp_endpoint=url, **told)


def make_spans(tracer: Tracer | None, count: int = SPANS_AT_ONCE) -> None:
    assert tracer is not None
    for _ in range(count):
        tracer.start("a", parent=TRACEPARENT, attributes={}).end()


async def test_the_last_spans_are_exported_at_the_end(lines: list[Any]):
    async with collecting() as collector:
        told = settings(collector.url, otel_exporter_otlp_headers="api-key=hush")
        async with tracing(told, service="api") as tracer:
            make_spans(tracer, 3)

        assert [span.trace_id for span in collector.spans] == [TRACE_ID] * 3
        assert {span.service for span in collector.spans} == {"generation-api"}
        assert {span.schema_url for span in collector.spans} == {
            "https://opentelemetry.io/schemas/1.41.0"
        }
        assert collector.headers[0]["api-key"] == "hush"
    assert lines == []


async def test_the_variables_that_name_the_service_are_heeded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "poems")
    async with collecting() as collector:
        async with tracing(settings(collector.url), service="api") as tracer:
            make_spans(tracer, 1)

        assert {span.service for span in collector.spans} == {"poems"}


@pytest.mark.parametrize("status", [401, 404])
async def test_a_collector_that_refuses_is_one_line_until_it_takes_spans_again(
    lines: list[Any], status: int
):
    async with collecting() as collector:
        collector.status = status
        address = collector.url.removeprefix("http://")
        async with tracing(settings(collector.url), service="api") as tracer:
            make_spans(tracer)
            await eventually(lambda: len(collector.headers) == 1)
            make_spans(tracer)
            await eventually(lambda: len(collector.headers) == 2)
            collector.status = 200
            make_spans(tracer)
            await eventually(lambda: bool(collector.spans))

    lost, reached = lines
    assert lost == {
        "event": "collector_lost",
        "log_level": "warning",
        "address": address,
        "reason": f"HTTP {status}",
    }
    assert (reached["event"], reached["spans_lost"]) == ("collector_reached", 2 * SPANS_AT_ONCE)


async def test_a_collector_that_is_lost_is_sent_nothing_more_at_the_end(
    monkeypatch: pytest.MonkeyPatch, lines: list[Any]
):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    async with collecting() as collector:
        collector.status = 404
        async with tracing(settings(collector.url), service="api") as tracer:
            make_spans(tracer)
            await eventually(lambda: bool(lines))
            make_spans(tracer, 3)

    assert len(collector.headers) == 1
    assert [line["event"] for line in lines] == ["collector_lost"]


async def test_a_collector_that_is_down_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, lines: list[Any]
):
    monkeypatch.setattr(export, "FLUSH_SECONDS", 0.2)
    url = f"http://user:hush@127.0.0.1:{pick_free_port()}"
    async with tracing(settings(url), service="api") as tracer:
        make_spans(tracer)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.0

    assert [line["event"] for line in lines] in ([], ["collector_lost"])
    assert "hush" not in str(lines)


async def test_a_collector_that_never_answers_slows_nothing_and_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(export, "FLUSH_SECONDS", 0.2)
    with listen("127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with tracing(settings(url), service="api") as tracer:
            make_spans(tracer)
            begun = time.monotonic()
            make_spans(tracer, SPANS_AT_ONCE + 1)
            await asyncio.sleep(0)
            assert time.monotonic() - begun < EXPORT_SECONDS / 2
        assert time.monotonic() - begun < EXPORT_SECONDS
