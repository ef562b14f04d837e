"""The table of what came of the seeds."""

from collections import Counter
from collections.abc import Sequence

from tests.chaos.run import Report

_COLUMNS = "{:>5}  {:>8}  {:>6}  {:>6}  {:>8}  {:>9}  {:>7}  {:>7}  {:>7}  {:>7}  {:>10}  {}"

HEAD = _COLUMNS.format(
    "seed",
    "requests",
    "items",
    "served",
    "recorded",
    "in flight",
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
        report.ledger.served,
        report.ledger.recorded,
        len(report.ledger.in_flight),
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
    ledgers = [report.ledger for report in reports]
    served, recorded = (sum(getattr(each, of) for each in ledgers) for of in ("served", "recorded"))
    in_flight = sum(len(each.in_flight) for each in ledgers)
    faults = Counter(fault for report in reports for fault in report.faults)
    total = (
        f"{len(reports)} seeds, {sum(report.requests for report in reports)} requests, "
        f"{sum(len(report.violations) for report in reports)} violations, "
        f"{wasted} of {calls} calls wasted ({wasted / calls if calls else 0:.2%}); "
        f"{recorded} of {served} served calls recorded, {in_flight} in flight at an end of a worker"
    )
    return "\n".join(
        ["", total, *(f"{count:>5} × {fault}" for fault, count in sorted(faults.items()))]
    )
