"""Draw a figure as SVG: for each line a bar of ours, and one of what stands beside it."""

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.rounds import Line, written

_LABEL, _BAR, _VALUE = 400, 300, 180
_LINE, _HEIGHT, _MARGIN = 46, 15, 12
_OURS, _THEIRS = "#2f6f9f", "#b5bcc2"
_STYLE = "font: 13px system-ui, sans-serif; fill: #57606a"  # on a light page and on a dark one


def svg(title: str, lines: Sequence[Line]) -> str:
    """Return the chart of the lines that compare; the longer of two bars fills the width."""
    compared = [line for line in lines if line.theirs is not None]
    width, height = _LABEL + _BAR + _VALUE, len(compared) * _LINE + 2 * _MARGIN
    drawn = "".join(
        part
        for number, line in enumerate(compared)
        for part in _line(line, top=_MARGIN + number * _LINE)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" style="{_STYLE}">\n<title>{escape(title)}: ours above, '
        f"what stands beside it below</title>\n{drawn}</svg>\n"
    )


def _line(line: Line, *, top: int) -> Iterator[str]:
    theirs = line.theirs or 0.0
    longest = max(line.ours, theirs) or 1.0
    yield f'<text x="0" y="{top + 20}">{escape(line.what)}</text>\n'
    for offset, value, colour in ((0, line.ours, _OURS), (_HEIGHT + 3, theirs, _THEIRS)):
        length = round(_BAR * value / longest)
        yield (
            f'<rect x="{_LABEL}" y="{top + offset}" width="{length}" height="{_HEIGHT}" '
            f'fill="{colour}"/>\n<text x="{_LABEL + length + 6}" y="{top + offset + 12}">'
            f"{escape(f'{written(value)} {line.unit}')}</text>\n"
        )
