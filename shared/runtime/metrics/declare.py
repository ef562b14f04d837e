"""How a metric is declared: once, in the registry of each service that knows something of it.

Labels come from closed sets; an identifier is never a label. Every name begins with `generation_`.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call] # as many series again, and unused

PREFIX = "generation_"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
"""The buckets of what takes up to an hour."""

API, WORKER = CollectorRegistry(), CollectorRegistry()
BOTH = (API, WORKER)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)
DECLARED: list[tuple[Counter | Gauge | Histogram, tuple[str, ...]]] = []
"""The metrics with their labels, which the library keeps to itself."""

for _registry in BOTH:
    ProcessCollector(namespace=PREFIX.removesuffix("_"), registry=_registry)


def declared(
    kind: type[Metric],
    name: str,
    meaning: str,
    labels: tuple[str, ...] = (),
    *,
    registries: Iterable[CollectorRegistry],
    **told: Any,
) -> Metric:
    """Make a metric that the registries share; `name` is what follows the prefix."""
    metric = kind(PREFIX + name, meaning, labels, registry=None, **told)
    for registry in registries:
        registry.register(metric)
    DECLARED.append((metric, labels))
    return metric


def exposition(registry: CollectorRegistry) -> bytes:
    """Return the metrics of a service in the text format of Prometheus."""
    return generate_latest(registry)
