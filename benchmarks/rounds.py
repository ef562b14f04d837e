"""Alternating rounds, their medians and their ratios; no input or output but the progress."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

Sample: TypeAlias = dict[str, float]
"""What one contender did in one round, by measure."""

Rounds: TypeAlias = dict[str, list[Sample]]
"""The samples of each contender, one a round."""

_DIGITS = 3

Contender: TypeAlias = Callable[[], Awaitable[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the table: ours beside theirs, with the span of the ratio over the rounds."""

    what: str
    unit: str
    ours: float
    theirs: float | None = None
    ratio: float | None = None
    lowest: float | None = None
    highest: float | None = None
    aim: str = ""


async def alternate(contenders: Mapping[str, Contender], *, rounds: int) -> Rounds:
    """Let each contender have its turn in every round, in the opposite order every other round.

    So what changes on the machine meanwhile meets all of them alike.
    """
    taken: Rounds = {name: [] for name in contenders}
    for number in range(rounds):
        for name in in_turn([*contenders], number):
            sample = await contenders[name]()
            taken[name].append(sample)
            print(f"  round {number + 1}, {name}: {_shown(sample)}", flush=True)
    return taken


def in_turn(names: list[str], number: int) -> list[str]:
    """Return the order of a round."""
    return names[::-1] if number % 2 else names


def alone(what: str, samples: Sequence[Sample], measure: str, *, unit: str, aim: str = "") -> Line:
    """Make the line of a measure that nothing stands beside."""
    return Line(what=what, unit=unit, ours=_median(samples, measure), aim=aim)


def beside(
    what: str,
    ours: Sequence[Sample],
    theirs: Sequence[Sample],
    measure: str,
    *,
    unit: str,
    aim: str = "",
) -> Line:
    """Make the line of a measure: medians, their ratio, and its span over the rounds."""
    spans = [mine[measure] / other[measure] for mine, other in zip(ours, theirs, strict=True)]
    mine, other = _median(ours, measure), _median(theirs, measure)
    return Line(
        what=what,
        unit=unit,
        ours=mine,
        theirs=other,
        ratio=mine / other,
        lowest=min(spans),
        highest=max(spans),
        aim=aim,
    )


def difference(
    what: str,
    ours: Sequence[Sample],
    theirs: Sequence[Sample],
    measure: str,
    unit: str,
    *,
    aim: str,
) -> Line:
    """Make the line of what ours takes more than theirs: the median over the rounds."""
    more = [mine[measure] - other[measure] for mine, other in zip(ours, theirs, strict=True)]
    return Line(what=what, unit=unit, ours=median(more), aim=aim)


def _median(samples: Sequence[Sample], measure: str) -> float:
    return median(sample[measure] for sample in samples)


def _shown(sample: Sample) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in sample.items())


def written(value: float) -> str:
    """Write three digits that count, and all those before the point."""
    if abs(value) >= 10**_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{_DIGITS}g}"
