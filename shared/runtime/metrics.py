"""The metrics of both services: each once, with its meaning, its unit and its labels.

Labels come from closed sets; an identifier is never a label. Each service has a registry with the
metrics that it knows something of: a gauge of the other one would be 0 and mean nothing.
`docs/metrics.md` is made from here: `python -m shared.runtime.metrics`.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST as MEDIA_TYPE

__all__ = ["API", "MEDIA_TYPE", "WORKER", "document", "exposition"]

disable_created_metrics()  # type: ignore[no-untyped-call] # as many series again, and unused

API, WORKER = CollectorRegistry(), CollectorRegistry()
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)
_DECLARED: list[tuple[Counter | Gauge | Histogram, tuple[str, ...]]] = []
"""The metrics with their labels, which the library keeps to itself."""


def _declared(
    kind: type[Metric],
    name: str,
    meaning: str,
    labels: tuple[str, ...] = (),
    *,
    registry: CollectorRegistry,
    **told: Any,
) -> Metric:
    metric = kind(name, meaning, labels, registry=registry, **told)
    _DECLARED.append((metric, labels))
    return metric


REQUESTS_ACCEPTED = _declared(
    Counter,
    "generation_requests_accepted_total",
    "Requests that the API answered with 202.",
    ("entity_type", "priority"),
    registry=API,
)
REQUESTS_UNCLAIMED = _declared(
    Gauge,
    "generation_requests_unclaimed",
    "Requests in PostgreSQL that no worker has claimed; read at each scrape of the API.",
    ("priority",),
    registry=API,
)
REQUESTS_PROCESSING = _declared(
    Gauge,
    "generation_requests_processing",
    "Requests in PostgreSQL that a worker holds a lease on; read at each scrape of the API.",
    registry=API,
)
OLDEST_UNCLAIMED = _declared(
    Gauge,
    "generation_requests_oldest_unclaimed_seconds",
    "How long the request that is due for longest has waited; read at each scrape of the API.",
    registry=API,
)
OUTBOX_ROWS = _declared(
    Gauge,
    "outbox_rows",
    "Rows of the outbox by state: waiting to be published, or parked for a person to look at.",
    ("state",),
    registry=API,
)
DEAD_LETTERS = _declared(
    Gauge,
    "dead_letters",
    "Dead letters in PostgreSQL; read at each scrape of the API.",
    ("reason",),
    registry=API,
)
REQUESTS_IN_FLIGHT = _declared(
    Gauge, "generation_requests_in_flight", "Requests that this worker works on.", registry=WORKER
)
REQUESTS_CLAIMED = _declared(
    Counter,
    "generation_requests_claimed_total",
    "Claims of this worker; `takeover` counts the expired leases of others.",
    ("how",),
    registry=WORKER,
)
REQUESTS_SETTLED = _declared(
    Counter,
    "generation_requests_settled_total",
    "Requests that this worker settled.",
    ("entity_type", "status"),
    registry=WORKER,
)
REQUEST_SECONDS = _declared(
    Histogram,
    "generation_request_seconds",
    "From the acceptance of a request to its settling.",
    ("entity_type",),
    buckets=_SECONDS,
    registry=WORKER,
)
ATTEMPT_SECONDS = _declared(
    Histogram,
    "generation_attempt_seconds",
    "Attempts at an item, call retries and the waits between them included.",
    ("entity_type", "outcome"),
    buckets=_SECONDS,
    registry=WORKER,
)
PROVIDER_CALLS = _declared(
    Counter,
    "provider_calls_total",
    "Calls of a provider by their outcome: ok, cancelled, form_refused, connection_closed, or an"
    " error code.",
    ("provider", "outcome"),
    registry=WORKER,
)
PROVIDER_CALL_SECONDS = _declared(
    Histogram,
    "provider_call_seconds",
    "Calls of a provider, from their beginning to the end of the answer.",
    ("provider",),
    buckets=_SECONDS,
    registry=WORKER,
)
PROVIDER_TOKENS = _declared(
    Counter,
    "provider_tokens_total",
    "Tokens as the provider counts them: input, output, and the output's share of reasoning.",
    ("provider", "kind"),
    registry=WORKER,
)
PROVIDER_CALL_LIMIT = _declared(
    Gauge,
    "provider_call_limit",
    "Provider calls that this worker admits: MAX_PROVIDER_CALLS, fewer while it falls behind.",
    registry=WORKER,
)
EVENT_LOOP_LAG_SECONDS = _declared(
    Gauge,
    "event_loop_lag_seconds",
    "How late the event loop of this worker wakes up: the mean of about the last second.",
    registry=WORKER,
)
MESSAGES_IGNORED = _declared(
    Counter,
    "generation_messages_ignored_total",
    "Messages that started nothing: older than the database, or copies of dead letters.",
    ("reason",),
    registry=WORKER,
)
LATE_RESULTS = _declared(
    Counter,
    "late_results_total",
    "Results that came when their request was final, and failures of a stale claim.",
    registry=WORKER,
)


def exposition(registry: CollectorRegistry) -> bytes:
    """Return the metrics of a service in the text format of Prometheus."""
    return generate_latest(registry)


def document() -> str:
    return "\n".join(["# Metrics", "", _INTRODUCTION, "", *_table(), ""])


_INTRODUCTION = (
    "Both services answer `GET /metrics` in the text format of Prometheus. "
    "This page is made by `python -m shared.runtime.metrics > docs/metrics.md`."
)


def _table() -> Iterator[str]:
    yield "| metric | of | kind | labels | meaning |"
    yield "|---|---|---|---|---|"
    for metric, names in _DECLARED:
        (family,) = metric.describe()
        suffix = "_total" if family.type == "counter" else ""
        labels = ", ".join(f"`{name}`" for name in names)
        cells = _service(family.name), family.type, labels, family.documentation
        yield f"| `{family.name}{suffix}` | {' | '.join(cells)} |"


def _service(family_name: str) -> str:
    return "API" if family_name in {family.name for family in API.collect()} else "worker"


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - a command speaks to its terminal
