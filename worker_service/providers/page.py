"""The words of a page that came in place of JSON; pure."""

import re
from html import unescape
from typing import Final

_UNSHOWN: Final = re.compile(r"<(?=/?(?:script|style)\b)", re.IGNORECASE)
_MARKUP: Final = re.compile(r"<[^<>]*>?")
LONGEST_READ: Final = 65_536
"""Letters of a text that are read for its words; a whole answer would hold up the event loop."""

_TITLE: Final = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)


def plain_text(text: str) -> str:
    """Take the title of an HTML page, else its words; other text is as it is, its end cut off."""
    text = text[:LONGEST_READ].strip()
    if not text.startswith("<"):
        return text
    titles = filter(None, (" ".join(title.split()) for title in _TITLE.findall(text)))
    return unescape(next(titles, None) or _words_of_page(text))


def _words_of_page(page: str) -> str:
    first, *rest = _UNSHOWN.split(page)
    shown = [first, *(f"<{part}" for part in rest if part.startswith("/"))]
    return " ".join(_MARKUP.sub(" ", "".join(shown)).split())
