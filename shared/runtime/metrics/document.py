"""The page of the metrics, made from their declarations."""

from collections.abc import Iterator

from prometheus_client import Metric

from shared.runtime.metrics.declare import API, DECLARED, WORKER

_INTRODUCTION = (
    "Both services answer `GET /metrics` in the text format of Prometheus. Alert rules and a "
    "dashboard stand in [monitoring](monitoring/README.md). "
    "This page is made by `.venv/bin/python -m shared.runtime.metrics > docs/metrics.md`."
)


def document() -> str:
    """Return the page: each metric with its service, kind, labels and meaning."""
    return "\n".join(["# Metrics", "", _INTRODUCTION, "", *_table(), ""])


def _table() -> Iterator[str]:
    yield "| metric | of | kind | labels | meaning |"
    yield "|---|---|---|---|---|"
    labels_of = {family.name: labels for metric, labels in DECLARED for family in metric.describe()}
    for family in _families():
        labels = ", ".join(f"`{name}`" for name in labels_of.get(family.name, ()))
        suffix = "_total" if family.type == "counter" else ""
        cells = _services(family.name), family.type, labels, family.documentation
        yield f"| `{family.name}{suffix}` | {' | '.join(cells)} |"


def _families() -> list[Metric]:
    """List the families of both services, each once."""
    families = {f.name: f for registry in (API, WORKER) for f in registry.collect()}
    return sorted(families.values(), key=lambda family: (_services(family.name), family.name))


def _services(family_name: str) -> str:
    known = {
        service
        for service, registry in (("API", API), ("worker", WORKER))
        if family_name in {family.name for family in registry.collect()}
    }
    return ", ".join(sorted(known))
