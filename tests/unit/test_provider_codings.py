"""A packed body is unpacked as it comes, and bounded by what it holds."""

import gzip
import zlib

import pytest

from worker_service.providers.codings import Oversized, decoder_for
from worker_service.providers.dialect import Unreadable

TEXT = b"data: {}\n\n" * 500


def packed(data: bytes) -> bytes:
    """Pack with gzip, always to the same bytes: they are in the names of the tests."""
    return gzip.compress(data, mtime=0)


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("", TEXT),
        ("Identity", TEXT),
        ("gzip", packed(TEXT)),
        ("GZIP", packed(TEXT)),
        ("x-gzip", packed(TEXT)),
        ("identity, gzip", packed(TEXT)),
        ("gzip", packed(TEXT[:70]) + packed(TEXT[70:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare(TEXT)),
        ("", packed(TEXT)),
        ("gzip", TEXT),
        ("deflate", TEXT),
        ("deflate", b' {"a": 1}'),
        ("gzip", b'[{"a": 1}]'),
        ("deflate", b"<p>busy</p>"),
        ("utf-8", TEXT),
        ("br", TEXT),
        ("gzip, gzip", packed(TEXT)),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_body_is_the_same_however_it_is_packed_and_cut(coding: str, body: bytes, size: int):
    decoder = decoder_for(coding, limit=len(TEXT))

    pieces = [body[start : start + size] for start in range(0, len(body), size)]

    plain = TEXT if len(body) > 20 else body
    assert b"".join([*map(decoder.feed, pieces), decoder.end()]) == plain


@pytest.mark.parametrize("body", [b"", b"7"])
def test_a_very_short_body_is_plain(body: bytes):
    decoder = decoder_for("", limit=10)

    assert decoder.feed(body) + decoder.end() == body


@pytest.mark.parametrize("pack", [packed, zlib.compress, bare])
def test_a_body_that_unpacks_to_too_much_is_given_up_before_it_does(pack):
    decoder = decoder_for("deflate", limit=1_000_000)

    with pytest.raises(Oversized):
        decoder.feed(pack(b"\x00" * 100_000_000))


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "rot13"])
def test_a_coding_that_was_not_asked_for_is_refused(coding: str):
    decoder = decoder_for(coding, limit=100)

    with pytest.raises(Unreadable, match="which was not asked for"):
        decoder.feed(b"\x8b\x02\x80" * 10)


@pytest.mark.parametrize(
    "after", [b"garbage", b"\0" * 512, b"\x1f", packed(TEXT)[:10] + b"\xff" * 9]
)
@pytest.mark.parametrize("pack", [packed, zlib.compress, bare])
@pytest.mark.parametrize("size", [1, 100_000])
def test_what_follows_a_packed_body_is_left_out(pack, after: bytes, size: int):
    decoder = decoder_for("deflate", limit=len(TEXT))
    body = pack(TEXT) + after

    pieces = [body[start : start + size] for start in range(0, len(body), size)]

    assert b"".join([*map(decoder.feed, pieces), decoder.end()]) == TEXT


def test_several_members_are_bounded_together():
    decoder = decoder_for("gzip", limit=1_500)

    with pytest.raises(Oversized):
        decoder.feed(packed(b"x" * 1_000) * 2)


def test_members_that_hold_nothing_are_bounded_too():
    decoder = decoder_for("gzip", limit=1000)

    with pytest.raises(Oversized):
        decoder.feed(gzip.compress(b"") * 100)


def test_a_header_of_very_many_codings_costs_nothing():
    decoder = decoder_for("gzip, " * 10_000, limit=100_000)

    assert decoder.feed(TEXT) + decoder.end() == TEXT


def test_a_body_that_cannot_be_unpacked_is_refused():
    decoder = decoder_for("gzip", limit=100_000)

    with pytest.raises(Unreadable, match="cannot be unpacked"):
        decoder.feed(packed(TEXT)[:10] + b"\xff" * 50)
