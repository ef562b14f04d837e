"""The content codings of a body, taken off as it comes, and bounded afterwards; pure.

https://www.rfc-editor.org/rfc/rfc9110#section-8.4
"""

import zlib
from typing import Final

from worker_service.providers.dialect import Unreadable

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS
_GZIP_MARK: Final = b"\x1f\x8b"
_MARK_BYTES: Final = 2
_DEFLATE: Final = 8
_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


class Oversized(Exception):
    """More bytes came than an answer may have."""


def decoder_for(content_encoding: str, *, limit: int) -> "Decoder":
    """Read the header: names in any case, in a list where there are several.

    Raises:
        Unreadable: the body has a coding that nothing has asked for.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    packed = [name for name in names if name not in _PLAIN]
    if len(packed) > 1 or not _PACKED.issuperset(packed):
        raise Unreadable(f"it is coded as {', '.join(packed)}, which was not asked for")
    return Decoder("".join(packed), limit=limit)


class Decoder:
    """Takes the coding off one body: gzip in one member or several, deflate framed or bare.

    The first bytes decide: there are servers that pack and do not say so, and the other way round.
    No more than the limit is unpacked: a packed body can be a thousand times larger than it looks.
    """

    def __init__(self, coding: str, *, limit: int) -> None:
        self._coding = coding
        self._left = limit
        self._first = b""
        self._window: int | None = None
        self._is_plain = False
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what it holds.

        Raises:
            Oversized: the body holds more than it may.
            Unreadable: it cannot be unpacked.
        """
        if self._is_plain:
            return self._counted(data)
        if self._window is None:
            data = self._first = self._first + data
            if len(data) < _MARK_BYTES:
                return b""
            self._begin(data)
        return self._counted(data) if self._is_plain else self._unpacked(data)

    def end(self) -> bytes:
        """Return what was too short to be told apart."""
        return b"" if self._is_plain or self._window is not None else self._first

    def _begin(self, first: bytes) -> None:
        is_framed = _is_framed(first, self._coding)
        self._window = _GZIP_OR_ZLIB if is_framed else _BARE
        self._is_plain = not is_framed and self._coding != "deflate"
        self._zlib = zlib.decompressobj(self._window)

    def _unpacked(self, data: bytes) -> bytes:
        unpacked = []
        while data:
            try:
                unpacked.append(self._counted(self._zlib.decompress(data, self._left + 1)))
            except zlib.error as error:
                raise Unreadable("it cannot be unpacked") from error
            data = self._zlib.unused_data
            if data:
                self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
        return b"".join(unpacked)

    def _counted(self, plain: bytes) -> bytes:
        self._left -= len(plain)
        if self._left < 0:
            raise Oversized
        return plain


def _is_framed(first: bytes, coding: str) -> bool:
    """Look for the mark of gzip, and where a coding is named, for that of zlib (RFC 1950)."""
    if first.startswith(_GZIP_MARK):
        return True
    is_zlib = first[0] & 15 == _DEFLATE and int.from_bytes(first[:2], "big") % 31 == 0
    return bool(coding) and is_zlib
