"""A cursor is what we wrote, or it is refused."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from api_service.cursors import decode, encode
from api_service.problems import ProblemError

MOMENT = datetime(2026, 11, 21, 10, 31, 4, 120000, tzinfo=UTC)
ID = UUID(int=7)
KINDS = (datetime, UUID)


def a_cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def test_what_was_written_is_read():
    assert decode(encode((MOMENT, ID)), KINDS) == [MOMENT, ID]
    assert decode(encode(("é", "")), (str, str)) == ["é", ""]


def test_a_moment_is_the_same_in_every_zone():
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))

    assert encode((elsewhere,)) == encode((MOMENT,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "é",
        "\x00",
        "=",
        "a",
        "AAAA",
        encode((MOMENT, ID)) + "=",
        encode((MOMENT, ID)) + "!",
        encode((MOMENT,)),
        encode((MOMENT, ID, ID)),
        encode((ID, MOMENT)),
        *map(
            a_cursor,
            [
                "",
                "7",
                "null",
                "{}",
                '"text"',
                "[" * 100_000,
                "[" + "9" * 5000 + "]",
                "[null, null]",
                f'[7, "{ID}"]',
                f'["2026-11-21", "{ID}"]',
                f'["2026-11-21T10:31:04", "{ID}"]',
                f'["0001-01-01T00:00:00+14:00", "{ID}"]',
                f'["{MOMENT.isoformat()}","{ID}"]',
                f'["{MOMENT.isoformat()}", "{ID.hex}"]',
            ],
        ),
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ProblemError) as refused:
        decode(text, KINDS)

    assert (refused.value.status_code, refused.value.code) == (422, "invalid_cursor")


@pytest.mark.parametrize("text", ['["\\u0000"]', '["\\ud800"]'])
def test_text_that_postgresql_cannot_compare_is_refused(text: str):
    with pytest.raises(ProblemError):
        decode(a_cursor(text), (str,))
