"""The page of the metrics says what the code measures."""

from pathlib import Path

from shared.runtime.metrics.document import document

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == document(), "run: python -m shared.runtime.metrics"
