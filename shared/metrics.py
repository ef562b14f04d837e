"""The metrics of both services: each once, with its meaning, its unit and its labels.

Labels come from closed sets; an identifier is never a label. A process serves those that it
knows something of. `docs/metrics.md` is made from here: `python -m shared.metrics`.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST as MEDIA_TYPE

__all__ = ["MEDIA_TYPE", "REGISTRY", "document", "exposition"]

REGISTRY = CollectorRegistry()
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)

REQUESTS_ACCEPTED = Counter(
    "generation_requests_accepted_total",
    "Requests that the API answered with 202.",
    ("entity_type", "priority"),
    registry=REGISTRY,
)
REQUESTS_UNCLAIMED = Gauge(
    "generation_requests_unclaimed",
    "Requests in PostgreSQL that no worker has claimed; read at each scrape of the API.",
    ("priority",),
    registry=REGISTRY,
)
REQUESTS_PROCESSING = Gauge(
    "generation_requests_processing",
    "Requests in PostgreSQL that a worker holds a lease on; read at each scrape of the API.",
    registry=REGISTRY,
)
OLDEST_UNCLAIMED = Gauge(
    "generation_requests_oldest_unclaimed_seconds",
    "How long the request that is due for longest has waited; read at each scrape of the API.",
    registry=REGISTRY,
)
OUTBOX_ROWS = Gauge(
    "outbox_rows",
    "Rows of the outbox by state: waiting to be published, or parked for a person to look at.",
    ("state",),
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "dead_letters",
    "Dead letters in PostgreSQL; read at each scrape of the API.",
    ("reason",),
    registry=REGISTRY,
)
REQUESTS_IN_FLIGHT = Gauge(
    "generation_requests_in_flight", "Requests that this worker works on.", registry=REGISTRY
)
REQUESTS_CLAIMED = Counter(
    "generation_requests_claimed_total",
    "Claims of this worker; `takeover` counts the expired leases of others.",
    ("how",),
    registry=REGISTRY,
)
REQUESTS_SETTLED = Counter(
    "generation_requests_settled_total",
    "Requests that this worker settled.",
    ("entity_type", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "generation_request_seconds",
    "From the acceptance of a request to its settling.",
    ("entity_type",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
ATTEMPT_SECONDS = Histogram(
    "generation_attempt_seconds",
    "Attempts at an item, call retries and the waits between them included.",
    ("entity_type", "outcome"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
PROVIDER_CALLS = Counter(
    "provider_calls_total",
    "Calls of a provider by their outcome: ok, or an error code.",
    ("provider", "outcome"),
    registry=REGISTRY,
)
LATE_RESULTS = Counter(
    "late_results_total",
    "Results that came when their request was final, and failures of a stale claim.",
    registry=REGISTRY,
)


def exposition() -> bytes:
    """Return the metrics in the text format of Prometheus."""
    return generate_latest(REGISTRY)


def document() -> str:
    """Return the page that lists the metrics."""
    return "\n".join(["# Metrics", "", _INTRODUCTION, "", *_table(), ""])


_INTRODUCTION = (
    "Both services answer `GET /metrics` in the text format of Prometheus. "
    "This page is made by `python -m shared.metrics > docs/metrics.md`."
)


def _table() -> Iterator[str]:
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in (value for value in globals().values() if isinstance(value, _KINDS)):
        (family,) = metric.describe()
        suffix = "_total" if family.type == "counter" else ""
        labels = ", ".join(f"`{name}`" for name in metric._labelnames)  # noqa: SLF001
        yield f"| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |"


_KINDS = (Counter, Gauge, Histogram)

if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - a command speaks to its terminal
