"""Write the figures of benchmarks/README.md from what is kept: `python -m benchmarks.report`."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import chart, results
from benchmarks.catalogue import FIGURES, Figure
from benchmarks.results import Result
from benchmarks.rounds import Line, written

PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


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
    lines = figure.lines(kept.rounds)
    if any(line.theirs for line in lines):
        title = name.replace("_", " ")
        yield f"![{title}: ours above, what stands beside it below](results/{name}.svg)"
        yield ""
    yield "| what | ours | beside it | ratio (lowest to highest) | aim |"
    yield "|---|---|---|---|---|"
    for line in lines:
        yield row(line)
    yield ""


def charts() -> dict[str, str]:
    """Return the chart of each kept figure that compares something."""
    kept = {name: (figure, results.read(name)) for name, figure in FIGURES.items()}
    lines = {name: [*figure.lines(read.rounds)] for name, (figure, read) in kept.items() if read}
    return {
        name: chart.svg(name.replace("_", " ").capitalize(), of_figure)
        for name, of_figure in lines.items()
        if any(line.theirs for line in of_figure)
    }


def row(line: Line) -> str:
    """Return a line as a row of the table."""
    theirs = "" if line.theirs is None else f"{written(line.theirs)} {line.unit}"
    ratio = (
        "" if line.ratio is None else f"{line.ratio:.2f} ({line.lowest:.2f} to {line.highest:.2f})"
    )
    return f"| {line.what} | {written(line.ours)} {line.unit} | {theirs} | {ratio} | {line.aim} |"


def main() -> None:
    """Write the page and the charts."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for name, drawn in charts().items():
        (results.FOLDER / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
