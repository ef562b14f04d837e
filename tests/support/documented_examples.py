"""The submits that docs/api.md shows, as a reader would send them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).parents[2] / "docs" / "api.md"
_COMMAND = re.compile(
    r"^    \$ curl (?:-i )?\$API(?P<path>/\S+) -H 'Content-Type: application/json' \\\n"
    r"\s+-d '(?P<body>\{.*?\})'\n(?P<answer>.*?)(?=^    \$ |^\S|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A submit that is accepted."""

    path: str
    body: dict[str, Any]


def accepted_examples() -> list[Example]:
    """Return them in their order, without those whose answer is an error."""
    return [
        Example(path=found["path"], body=json.loads(found["body"]))
        for found in _COMMAND.finditer(_PAGE.read_text(encoding="utf-8"))
        if '"errors"' not in found["answer"]
    ]
