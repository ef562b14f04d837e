"""Run seeds and print what came of them: `make chaos SEEDS=20`, or `make chaos SEED=17`.

Leaves with status 1 when an invariant was violated; the logs of such a seed are kept.
"""

import asyncio
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from tests.chaos.run import Report, run_seed
from tests.chaos.summary import HEAD, row, summary

WORKERS = 3


def main() -> None:
    """Run the seeds that the environment names."""
    _silence()
    workers = _number("WORKERS", WORKERS)
    print(HEAD, flush=True)
    reports = [_report(seed, workers) for seed in _seeds()]
    print(summary(reports))
    sys.exit(any(report.violations for report in reports))


def _silence() -> None:
    """Keep what the libraries say about every outage out of the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)


def _seeds() -> Sequence[int]:
    if os.environ.get("SEED"):
        return [_number("SEED", 0)]
    return range(_number("SEEDS", 5))


def _number(name: str, default: int) -> int:
    given = os.environ.get(name) or str(default)
    if not given.isdecimal():
        raise SystemExit(f"{name} is {given!r}: give a number")
    return int(given)


def _report(seed: int, workers: int) -> Report:
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    report = asyncio.run(run_seed(seed, folder, workers=workers))
    print(row(report), flush=True)
    for call in report.ledger.in_flight:
        print(f"       in flight: {call}")
    for violation in report.violations:
        print(f"       {violation}")
    if report.violations:
        print(f"       logs: {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return report


if __name__ == "__main__":
    main()
