"""Measure: `python -m benchmarks [FIGURE ...]`, or `--quick` for the counters alone.

Results are kept in `benchmarks/results` and shown in `benchmarks/README.md`, unless a smaller
`--scale` only tries the figures out.
"""

import argparse
import asyncio
import logging
import sys

import structlog

from benchmarks import counters, report, results
from benchmarks.bench import Bench
from benchmarks.catalogue import FIGURES
from benchmarks.servers import servers
from devstack.commands import take_every_farewell_for_an_interrupt

_INTERRUPTED = 130


def main() -> int:
    """Obey the command line."""
    arguments = _arguments()
    take_every_farewell_for_an_interrupt()
    logging.disable()  # the Kafka client speaks of topics that have just been made
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        if arguments.quick:
            return asyncio.run(check_counters(arguments.scale))
        for name in arguments.figures or FIGURES:
            asyncio.run(measure(name, rounds=arguments.rounds, scale=arguments.scale))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


async def measure(name: str, *, rounds: int, scale: float) -> None:
    """Measure a figure on servers of its own and print its lines."""
    print(f"{name}:", flush=True)
    figure = FIGURES[name]
    with servers() as started:
        taken = await figure.measure(Bench(servers=started, rounds=rounds, scale=scale))
        kept = await results.result(taken, started)
    for line in figure.lines(taken):
        print(report.row(line), flush=True)
    if scale == 1:
        results.write(name, kept)
        report.main()


async def check_counters(scale: float) -> int:
    """Count, print, and return the exit status: 1 where a counter is above its bound."""
    bounds = counters.read_bounds()
    with servers() as started:
        counted = await counters.count(Bench(servers=started, rounds=1, scale=scale))
    for name, value in counted.items():
        print(f"{value:8.3f} of {bounds.get(name, 0):.3f}  {name}")
    wrong = [*counters.broken(counted, bounds)]
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return int(bool(wrong))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], metavar="FIGURE")
    parser.add_argument("--quick", action="store_true", help="count only, and check the bounds")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each figure")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is kept; less tries it out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
