"""Spans continue the traces of requests, and there is nothing of them without a collector."""

import subprocess
import sys
import time
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, messaging_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes, url_attributes
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from shared.kafka.publish_spans import note_publication
from shared.kafka.records import Acknowledged, DeliveryResult, NotDelivered, Record
from shared.runtime.trace_context import traceparent
from shared.tracing import Share, conventions, opening
from shared.tracing.opening import tracing
from shared.tracing.settings import TracingSettings
from tests.support.spans import (
    SPAN_ID,
    TRACE_ID,
    TRACEPARENT,
    UNSAMPLED,
    Recorded,
    attributes_of,
    context_of,
    linked,
    parent_of,
)

REQUEST_ID = "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def share(traceparent: str, error: str | None = None) -> Share:
    return Share(name="record", traceparent=traceparent, attributes={"n": 1}, error=error)


def test_a_span_continues_the_trace_of_its_parent(recorded: Recorded):
    began = recorded.tracer.start("a", parent=TRACEPARENT, attributes={"n": 1, "gone": None})
    began.end()

    (span,) = recorded.spans
    assert context_of(span)[0] == TRACE_ID
    assert parent_of(span) == SPAN_ID
    assert began.traceparent == f"00-{TRACE_ID}-{context_of(span)[1]}-01"
    assert attributes_of(span) == {"n": 1}


@pytest.mark.parametrize("parent", [None, "", "malformed"])
def test_a_span_without_a_parent_begins_a_trace(parent: str | None, recorded: Recorded):
    began = recorded.tracer.start("a", parent=parent, attributes={})
    began.end()

    (span,) = recorded.spans
    assert span.parent is None
    assert traceparent(began.traceparent) == began.traceparent


def test_a_trace_that_its_caller_does_not_sample_has_no_spans_and_goes_on(recorded: Recorded):
    began = recorded.tracer.start("a", parent=UNSAMPLED, attributes={})
    began.end(error="late")
    noted = recorded.tracer.note("record", [share(UNSAMPLED)] * 2, begun_ns=0)

    assert recorded.spans == []
    for each in (began.traceparent, *noted):
        assert (each[3:35], each[-2:]) == (TRACE_ID, "00")


def test_a_failed_span_has_its_code_and_no_text(recorded: Recorded):
    began = recorded.tracer.start("a", parent=TRACEPARENT, attributes={})
    began.end(error="rate_limited")
    began.end(error="cancelled")
    recorded.tracer.note("record", [share(TRACEPARENT, "busy")], begun_ns=0)

    first, second = recorded.spans
    assert attributes_of(first)["error.type"] == "rate_limited"
    assert attributes_of(second)["error.type"] == "busy"
    for span in (first, second):
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        assert span.events == ()


def test_a_step_for_one_request_is_one_span_of_its_own_length(recorded: Recorded):
    begun_ns = time.time_ns() - 5_000

    (noted,) = recorded.tracer.note("record", [share(TRACEPARENT)], begun_ns=begun_ns)

    (span,) = recorded.spans
    assert (parent_of(span), span.links) == (SPAN_ID, ())
    assert span.start_time == begun_ns
    assert span.end_time is not None
    assert span.end_time >= begun_ns + 5_000
    assert noted[36:52] == context_of(span)[1]


def test_a_batch_has_a_span_that_links_to_the_requests_and_each_of_theirs_to_it(
    recorded: Recorded,
):
    others = [traceparent(None), traceparent(None)]

    noted = recorded.tracer.note(
        "record", [share(each) for each in (*others, UNSAMPLED)], begun_ns=time.time_ns()
    )

    (batch,) = recorded.named("record batch")
    first, second = (span for span in recorded.spans if span is not batch)
    assert batch.parent is None
    assert linked(batch) == [each[36:52] for each in others]
    assert attributes_of(batch) == {"generation.batch.size": 3}
    assert [context_of(span)[0] for span in (first, second)] == [each[3:35] for each in others]
    assert linked(first) == linked(second) == [context_of(batch)[1]]
    assert [each[36:52] for each in noted[:2]] == [context_of(first)[1], context_of(second)[1]]


def test_a_context_that_is_malformed_ends_nothing(recorded: Recorded):
    recorded.tracer.note("claim", [share("malformed"), share(TRACEPARENT)], begun_ns=0)

    batch, odd, _ = recorded.spans
    assert odd.parent is None
    assert linked(batch) == [SPAN_ID]


def record(topic: str, *, key: bytes, trace: str | None = TRACEPARENT) -> Record:
    headers = [("traceparent", trace.encode())] if trace else []
    return Record(topic=topic, key=key, value=b"{}", headers=[*headers])


def test_a_record_is_published_in_the_trace_that_its_headers_name(recorded: Recorded):
    records = [
        record("requests", key=REQUEST_ID.encode()),
        record("dlq", key=b"of whom?", trace=traceparent(None)),
        record("dlq", key=b"", trace=None),
        record("dlq", key=b"", trace="malformed"),
    ]
    results: list[DeliveryResult] = [Acknowledged(), NotDelivered(), Acknowledged(), Acknowledged()]

    note_publication(recorded.tracer, records, results, begun_ns=time.time_ns())

    batch, sent, lost = recorded.spans
    assert (batch.name, sent.name, lost.name) == (
        "publish batch",
        "publish requests",
        "publish dlq",
    )
    assert attributes_of(sent) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "requests",
        "generation.request.id": REQUEST_ID,
    }
    assert attributes_of(lost)["error.type"] == "not_delivered"
    assert "generation.request.id" not in attributes_of(lost)


def test_the_names_are_those_of_the_pinned_conventions():
    known = {
        value
        for module in (
            error_attributes,
            gen_ai_attributes,
            http_attributes,
            messaging_attributes,
            url_attributes,
        )
        for value in vars(module).values()
        if isinstance(value, str)
    }
    ours = {
        value
        for name, value in vars(conventions).items()
        if name.isupper() and not name.startswith(("SERVICE_", "VERSION", "SCHEMA_"))
    }

    assert {name for name in ours if not name.startswith("generation.")} <= known
    assert conventions.SCHEMA_URL in {schema.value for schema in Schemas}


@pytest.mark.parametrize(
    ("told", "endpoint"),
    [
        ({}, None),
        ({"endpoint": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"endpoint": "http://c:4318/otlp/"}, "http://c:4318/otlp/v1/traces"),
        ({"endpoint": "http://c:1", "traces_endpoint": "http://t/in"}, "http://t/in"),
        ({"traces_endpoint": "http://t/in"}, "http://t/in"),
    ],
)
def test_spans_go_where_the_standard_variables_say(told: dict[str, str], endpoint: str | None):
    settings = {f"otel_exporter_otlp_{name}": value for name, value in told.items()}

    assert TracingSettings(**settings).traces_endpoint == endpoint


@pytest.mark.parametrize("told", [{"otel_sdk_disabled": "TRUE"}, {"otel_traces_exporter": "none"}])
def test_traces_are_switched_off_by_the_standard_variables(told: dict[str, Any]):
    assert TracingSettings(otel_exporter_otlp_endpoint="http://c:1", **told).traces_endpoint is None


def test_the_headers_for_traces_go_before_those_for_everything():
    both: dict[str, Any] = {
        "otel_exporter_otlp_headers": "key=all",
        "otel_exporter_otlp_traces_headers": "key=traces",
    }

    assert TracingSettings(**both).traces_headers == "key=traces"
    assert "key=" not in repr(TracingSettings(**both))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            {"otel_exporter_otlp_protocol": "grpc"},
            "the protocol of the collector is 'grpc': only http/protobuf is spoken",
        ),
        (
            {"otel_traces_exporter": "console"},
            "OTEL_TRACES_EXPORTER is 'console': only otlp is known",
        ),
    ],
)
async def test_what_cannot_be_exported_is_one_line_and_no_end(told: dict[str, Any], reason: str):
    settings = TracingSettings(otel_exporter_otlp_endpoint="http://c:1", **told)

    with capture_logs() as lines:
        async with tracing(settings, service="api") as tracer:
            assert tracer is None

    assert lines == [{"event": "tracing_unavailable", "log_level": "warning", "reason": reason}]


async def line_without_traces(settings: TracingSettings) -> Any:
    """Begin a service that cannot trace, and return the one line that says so."""
    with capture_logs() as lines:
        async with tracing(settings, service="api") as tracer:
            assert tracer is None
    (line,) = lines
    assert line["event"] == "tracing_unavailable"
    return line


async def test_an_extra_that_is_missing_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch):
    def without_the_extra(_: str) -> object:
        raise ModuleNotFoundError("No module named 'requests'", name="requests")

    monkeypatch.setattr(opening, "import_module", without_the_extra)
    settings = TracingSettings(otel_exporter_otlp_endpoint="http://c:1")

    line = await line_without_traces(settings)

    assert line["reason"] == "requests is not installed: `pip install 'generation-service[otel]'`"


async def test_an_address_without_a_scheme_is_one_line_without_the_key_in_it():
    settings = TracingSettings(otel_exporter_otlp_endpoint="user:hush@127.0.0.1:4318")

    line = await line_without_traces(settings)

    assert "hush" not in str(line)


async def test_a_variable_that_the_sdk_cannot_read_is_one_line_and_no_end(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    settings = TracingSettings(otel_exporter_otlp_endpoint="http://c:1")

    line = await line_without_traces(settings)

    assert line["reason"].startswith("ValueError; see the variables")


@pytest.mark.parametrize(
    ("service", "kept_out"),
    [
        ("worker_service.__main__", ("opentelemetry", "google.protobuf", "requests")),
        # FastAPI itself imports the API of OpenTelemetry.
        ("api_service.__main__", ("opentelemetry.sdk", "opentelemetry.exporter", "requests")),
    ],
)
def test_a_service_without_a_collector_imports_nothing_of_it(
    service: str, kept_out: tuple[str, ...]
):
    program = f"""
import asyncio, sys, {service}
from shared.tracing.opening import tracing
from shared.tracing.settings import TracingSettings

async def trace():
    async with tracing(TracingSettings(), service="test") as tracer:
        assert tracer is None

asyncio.run(trace())
print(*sorted(name for name in sys.modules if name.startswith({kept_out!r})))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == []
