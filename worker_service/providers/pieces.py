"""Tolerant reading of what a provider sends: an odd piece costs itself, never the answer; pure."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from schemas.usage import MOST_TOKENS
from worker_service.text import postgres_safe

_DEEPEST: Final = 8
_TEXTS: Final = (
    "text",
    "thinking",
    "reasoning",
    "reasoning_content",
    "summary",
    "content",
    "value",
)
_THOUGHTS: Final = ("think", "reason", "thought")
_OF_A_PART: Final = frozenset(
    {*_TEXTS, "type", "refusal", "annotations", "citations", "index", "id"}
)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A piece of content, told apart: the answer, what the model thought, and its refusal.

    `is_known` tells whether any part could hold text, though it may be empty.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    is_known: bool = False


def object_of(value: object) -> Json:
    """Read a JSON object; whatever else it is counts as an empty one."""
    return value if isinstance(value, dict) else {}


def first_object(values: object) -> Json | None:
    """Find the first object of a list, or take the one that stands there without a list."""
    if isinstance(values, dict):
        return values
    if not isinstance(values, list):
        return None
    for value in values:
        if isinstance(value, dict):
            return value
    return None


def pieces_of(content: object) -> Pieces:
    """Join the parts of a content, which may be a text, a part, or a list of both."""
    if isinstance(content, str):
        return Pieces(text=content, is_known=True)
    joined = {"text": "", "reasoning": "", "refusal": ""}
    is_known = False
    for part in content if isinstance(content, list) else [content]:
        if place := _place(part):
            is_known = True
            joined[place] += _text_of(part) or text_in(object_of(part).get(place))
    return Pieces(**joined, is_known=is_known)


def _text_of(part: object) -> str:
    """Find the text of a part; an object that is none is the answer, which the server has read."""
    if isinstance(part, dict) and "type" not in part and not _OF_A_PART.issuperset(part):
        with suppress(RecursionError):
            return json.dumps(part, ensure_ascii=False)
        return ""
    return text_in(part)


def _place(part: object) -> str | None:
    """Tell what a part is; None for a part without text, such as an image or a tool's call."""
    if isinstance(part, str | list):
        return "text"
    if not isinstance(part, dict):
        return None
    kind = object_of(part).get("type")
    if not isinstance(kind, str):
        thinks = any(name in object_of(part) for name in ("thinking", "reasoning"))
        return "reasoning" if thinks else "text"
    kind = kind.lower()
    if any(word in kind for word in _THOUGHTS):
        return "reasoning"
    return "refusal" if kind == "refusal" else "text" if "text" in kind else None


def text_in(value: object, *, depth: int = 0) -> str:
    """Find the text of a piece, however it is wrapped; empty where there is none."""
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "".join(text_in(each, depth=depth + 1) for each in value)
    if isinstance(value, dict):
        texts = (text_in(value[name], depth=depth + 1) for name in _TEXTS if name in value)
        return next(filter(None, texts), "")
    return ""


def name_of(value: object) -> str | None:
    """Clean and cap a name or an id for the record; None where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) <= MOST_TOKENS else None
    return postgres_safe(value, longest=200) if isinstance(value, str) and value else None


def count_of(counts: Json, *names: str) -> int | None:
    """Read a number of tokens under the first name that has one; None where none is credible."""
    for name in names:
        count = counts.get(name)
        if isinstance(count, float) and count.is_integer():
            count = int(count)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST_TOKENS:
            return count
    return None
