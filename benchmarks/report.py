"""Write the figures of benchmarks/README.md from what is kept: `python -m benchmarks.report`."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import results
from benchmarks.catalogue import FIGURES, Figure
from benchmarks.results import Result
from benchmarks.rounds import Line

PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
_DIGITS = 3


def page(text: str) -> str:
    """Return the page with the figures that the kept results have."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n".join([f"{before}{BEGIN}", *_figures(), f"{END}{after}"])


def _figures() -> Iterator[str]:
    for name, figure in FIGURES.items():
        if (kept := results.read(name)) is not None:
            yield from _section(name, figure, kept)


def _section(name: str, figure: Figure, kept: Result) -> Iterator[str]:
    machine = ", ".join(f"{part} {value}" for part, value in kept.machine.items())
    rounds = len(next(iter(kept.rounds.values())))
    yield ""
    yield f"### {name.replace('_', ' ').capitalize()}"
    yield ""
    yield (figure.__doc__ or "").strip()
    yield ""
    measured = "One round" if rounds == 1 else f"Medians of {rounds} rounds"
    yield f"{measured}, {kept.date}; {machine}. Raw: `results/{name}.json`."
    yield ""
    yield "| what | ours | beside it | ratio (lowest to highest) | aim |"
    yield "|---|---|---|---|---|"
    for line in figure.lines(kept.rounds):
        yield row(line)
    yield ""


def row(line: Line) -> str:
    """Return a line as a row of the table."""
    theirs = "" if line.theirs is None else f"{_number(line.theirs)} {line.unit}"
    ratio = (
        "" if line.ratio is None else f"{line.ratio:.2f} ({line.lowest:.2f} to {line.highest:.2f})"
    )
    return f"| {line.what} | {_number(line.ours)} {line.unit} | {theirs} | {ratio} | {line.aim} |"


def _number(value: float) -> str:
    """Write three digits that count, and all those before the point."""
    if abs(value) >= 10**_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{_DIGITS}g}"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
