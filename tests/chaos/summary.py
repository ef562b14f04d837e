"""The table of what came of the seeds."""

from collections import Counter
from collections.abc import Sequence

from tests.chaos.run import Report

_COLUMNS = "{:>5}  {:>8}  {:>6}  {:>6}  {:>7}  {:>7}  {:>7}  {:>7}  {:>10}  {}"

HEAD = _COLUMNS.format(
    "seed",
    "requests",
    "items",
    "calls",
    "wasted",
    "allowed",
    "share",
    "stalls",
    "violations",
    "faults that came to pass",
)


def row(report: Report) -> str:
    """Describe one seed in a line."""
    waste = report.waste
    return _COLUMNS.format(
        report.seed,
        report.requests,
        report.items,
        waste.calls,
        waste.wasted,
        waste.allowed,
        f"{waste.share:.2%}",
        report.stalls,
        len(report.violations),
        ", ".join(report.faults),
    )


def summary(reports: Sequence[Report]) -> str:
    """Describe all seeds, and how often each fault came to pass."""
    calls = sum(report.waste.calls for report in reports)
    wasted = sum(report.waste.wasted for report in reports)
    faults = Counter(fault for report in reports for fault in report.faults)
    total = (
        f"{len(reports)} seeds, {sum(report.requests for report in reports)} requests, "
        f"{sum(len(report.violations) for report in reports)} violations, "
        f"{wasted} of {calls} calls wasted ({wasted / calls if calls else 0:.2%})"
    )
    return "\n".join(
        ["", total, *(f"{count:>5} × {fault}" for fault, count in sorted(faults.items()))]
    )
