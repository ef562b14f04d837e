"""The benchmarks' page, charts and bounds, as far as they can be checked without measuring."""

from xml.etree import ElementTree as ET

import pytest

from benchmarks import counters, report, results


def test_the_page_shows_the_figures_that_are_kept():
    shown = report.PAGE.read_text(encoding="utf-8")

    assert shown == report.page(shown)


def test_the_charts_are_those_of_the_figures_that_are_kept():
    kept = {path.stem: path.read_text(encoding="utf-8") for path in results.FOLDER.glob("*.svg")}

    assert kept == report.charts()


@pytest.mark.parametrize("name", report.charts())
def test_every_bar_of_a_chart_ends_before_its_number_and_inside_the_width(name: str):
    drawn = ET.fromstring(report.charts()[name])  # noqa: S314 - it is our own
    namespace = {"svg": "http://www.w3.org/2000/svg"}
    bars = drawn.findall("svg:rect", namespace)
    ends = [int(bar.attrib["x"]) + int(bar.attrib["width"]) for bar in bars]

    assert bars
    assert len(bars) % 2 == 0
    assert max(ends) < int(drawn.attrib["width"])


def test_every_bound_is_a_positive_number():
    assert all(bound > 0 for bound in counters.read_bounds().values())
