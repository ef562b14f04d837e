"""The secrets of a provider, which its words must not repeat; pure."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

_INSTEAD: Final = "[secret]"
_SHORTEST: Final = 6
_SCHEMES: Final = frozenset({"bearer", "basic", "digest", "apikey", "api-key", "token"})
_OF_URLS: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")


class Redactor:
    """Takes secrets out of a text, also where they are escaped, or cut at its end.

    A text has to come here before it is cut: the beginning of a key is a secret too.
    """

    def __init__(self, *, base_url: str, values: Iterable[str]) -> None:
        secrets = {
            escaped
            for value in (*values, *_of_url(base_url))
            for secret in _secrets_in(value)
            if len(secret) >= _SHORTEST
            for escaped in _escapes(secret)
        }
        self._longest_first = sorted(secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._longest_first)) or r"(?!)")

    def __call__(self, text: str) -> str:
        """Return the text without the secrets."""
        text = _OF_URLS.sub(_INSTEAD, self._pattern.sub(_INSTEAD, text))
        for secret in self._longest_first:
            for length in range(len(secret) - 1, _SHORTEST - 1, -1):
                if text.endswith(secret[:length]):
                    return text[:-length] + _INSTEAD
        return text


def _secrets_in(value: str) -> tuple[str, ...]:
    """Return a value, and what follows the scheme of a credential."""
    scheme, _, credential = value.partition(" ")
    return (value, credential.strip()) if scheme.lower() in _SCHEMES else (value,)


def _of_url(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    yield from (unquote(part) for part in (parts.username, parts.password) if part)
    yield from (value for _, value in parse_qsl(parts.query))


def _escapes(secret: str) -> Iterator[str]:
    """Yield a secret as it stands in text, JSON, HTML and URLs."""
    in_json = json.dumps(secret)[1:-1]
    yield from (secret, in_json, in_json.replace("/", "\\/"))
    yield from (html.escape(secret), quote(secret, safe=""), quote(secret))
