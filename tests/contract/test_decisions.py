"""The decisions: each has a number, a date and a status, and the index lists them all."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
PAGES = sorted(set(FOLDER.glob("*.md")) - {FOLDER / "README.md"})
HEAD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>[^\n]+)\n\n"
    r"(?P<date>\d{4}-\d\d-\d\d), (?P<status>accepted|superseded by \[[^\]]+\]\([^)]+\))\n\n"
)


def rows() -> list[str]:
    """Return the rows that the index should have."""
    heads = sorted((int(head["number"]), head, page) for page in PAGES if (head := head_of(page)))
    return [
        f"| {number} | [{head['title']}]({page.name}) | {head['date']} | {head['status']} |"
        for number, head, page in heads
    ]


def head_of(page: Path) -> re.Match[str] | None:
    return HEAD.match(page.read_text(encoding="utf-8"))


def test_every_decision_has_a_number_of_its_own_a_date_and_a_status():
    heads = {page.name: head_of(page) for page in PAGES}
    assert [name for name, head in heads.items() if head is None] == []
    numbers = sorted(int(head["number"]) for head in heads.values() if head)
    assert numbers == list(range(1, len(PAGES) + 1))


def test_the_index_lists_every_decision():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [line for line in index.splitlines() if re.match(r"\| \d", line)] == rows()
