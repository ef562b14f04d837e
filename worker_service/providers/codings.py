"""The content codings of a body, taken off as it comes, and bounded afterwards; pure.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

import re
import zlib
from typing import Final

from worker_service.providers.dialect import Unreadable

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS
_GZIP_MARK: Final = b"\x1f\x8b"
_ZLIB_METHOD: Final = 8
_TELLING_BYTES: Final = 8
"""So many bytes tell plain text, gzip, zlib and a bare deflate stream apart."""

_TEXT: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:[{\[](?:\s|[\"{}\[\]]|$)|data:|event:|id:|retry:|: ?\w|<[!?a-z])",
    re.IGNORECASE,
)
"""How JSON, an event stream and a page begin."""

_PLAIN: Final = frozenset({"", "identity"})
_MOST_CODINGS: Final = 4
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


class Oversized(Exception):
    """More bytes came than an answer may have."""


def decoder_for(content_encoding: str, *, limit: int) -> "Decoder":
    """Read the header: names in any case, in a list where there are several."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [name for name in names if name not in _PLAIN]
    if len(codings) > _MOST_CODINGS:  # each costs memory, and up to the limit of its own
        codings = [f"{codings[0]} and {len(codings) - 1} others"]
    return Decoder(codings, limit=limit)


class Decoder:
    """Takes the codings off one body, the last one first: gzip in one member or several, deflate.

    The first bytes decide: there are servers that pack and do not say so, and the other way round.
    No more than the limit is unpacked: a packed body can be a thousand times larger than it looks.
    """

    def __init__(self, codings: list[str], *, limit: int) -> None:
        self._codings = codings[-1:]
        self._inner = Decoder(codings[:-1], limit=limit) if len(codings) > 1 else None
        self._left = self._limit = limit
        self._came = 0
        self._first = b""
        self._is_plain = False
        self._members: _Members | None = None

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what it holds.

        Raises:
            Oversized: the body holds more than it may.
            Unreadable: it cannot be unpacked, or has a coding that was not asked for.
        """
        if not self._is_plain and self._members is None:
            data = self._first = self._first + data
            if len(data) < _TELLING_BYTES:
                return b""
            self._begin(data)
        return self._taken(data)

    def end(self) -> bytes:
        """Return what was too short to be told apart; it raises as `feed` does."""
        rest = self._rest()
        return rest + self._inner.end() if self._inner else rest

    def _rest(self) -> bytes:
        if self._is_plain or self._members is not None or not self._first:
            return b""
        self._begin(self._first)
        return self._taken(self._first)

    def _begin(self, first: bytes) -> None:
        window = _window(first, self._codings)
        if window is not None:
            self._members = _Members(window)
        elif _PACKED.issuperset(self._codings) or _TEXT.match(first):
            self._is_plain = True
        else:
            named = ", ".join(self._codings)
            raise Unreadable(f"it is coded as {named}, which was not asked for")

    def _taken(self, data: bytes) -> bytes:
        self._came += len(data)  # what unpacks to nothing has no end otherwise
        if self._came > self._limit:
            raise Oversized
        taken = data if self._members is None else self._members.unpack(data, limit=self._left)
        self._left -= len(taken)
        if self._left < 0:
            raise Oversized
        return self._inner.feed(taken) if self._inner else taken


class _Members:
    """Unpacks the members of a body one after the other (RFC 1952, section 2.2).

    What follows the first one and is none, padding for example, is left out.
    """

    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)
        self._is_first = True
        self._between = b""
        self._has_ended = False

    def unpack(self, data: bytes, *, limit: int) -> bytes:
        """Return at most one byte more than the limit."""
        unpacked = bytearray()
        while data and not self._has_ended and len(unpacked) <= limit:
            if self._zlib.eof and not (data := self._next_member(data)):
                break
            try:
                unpacked += self._zlib.decompress(data, limit - len(unpacked) + 1)
            except zlib.error as error:
                if self._is_first:
                    raise Unreadable("it cannot be unpacked") from error
                self._has_ended = True
            data = self._zlib.unused_data
        return bytes(unpacked)

    def _next_member(self, data: bytes) -> bytes:
        """Begin the next member, and return its bytes; nothing while it has not begun."""
        data = self._between + data
        if data.startswith(_GZIP_MARK):
            self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._is_first, self._between = False, b""
            return data
        self._has_ended = not _GZIP_MARK.startswith(data)
        self._between = data
        return b""


def _window(first: bytes, codings: list[str]) -> int | None:
    """Look for the mark of gzip, and where a coding is named, for that of zlib (RFC 1950)."""
    if first.startswith(_GZIP_MARK):
        return _GZIP_OR_ZLIB
    if not codings or _TEXT.match(first):
        return None
    is_zlib = first[0] & 15 == _ZLIB_METHOD and int.from_bytes(first[:2], "big") % 31 == 0
    if is_zlib and _PACKED.issuperset(codings):
        return _GZIP_OR_ZLIB
    return _BARE if "deflate" in codings else None
