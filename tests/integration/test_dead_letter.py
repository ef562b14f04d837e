"""A record that can never be handled is set aside once, with its bytes."""

from dataclasses import replace

import pytest

from shared.database import Database
from worker_service.dead_letter import Poison, Reason, set_aside

pytestmark = pytest.mark.usefixtures("balanced")

POISON = Poison(
    topic="generation-requests.normal",
    partition=1,
    offset=7,
    reason=Reason.UNREADABLE,
    error="expected JSON",
    key=b"k",
    value=b"\x00\xff",
    headers=[("name", b"\x00"), ("name", None)],
)


async def _letters(database: Database) -> int:
    return len(await database.fetch("SELECT FROM dead_letters"))


async def test_a_record_delivered_twice_is_one_letter(database: Database):
    for _ in range(2):
        await set_aside(database, POISON)

    (letter,) = await database.fetch("SELECT * FROM dead_letters")
    assert (letter["record_key"], letter["record_value"]) == (b"k", b"\x00\xff")
    assert letter["header_names"] == ["name", "name"]
    assert letter["header_values"] == [b"\x00", None]


@pytest.mark.parametrize(
    "other",
    [
        replace(POISON, offset=8),
        replace(POISON, partition=2),
        replace(POISON, topic="other"),
        replace(POISON, value=b""),
        replace(POISON, value=None),
        replace(POISON, key=None),
        replace(POISON, key=b"k\x00", value=b"\xff"),
    ],
)
async def test_another_record_is_another_letter(database: Database, other: Poison):
    await set_aside(database, POISON)

    await set_aside(database, other)

    assert await _letters(database) == 2


async def test_empty_and_missing_bytes_are_told_apart(database: Database):
    await set_aside(database, replace(POISON, value=b""))

    await set_aside(database, replace(POISON, value=None))

    assert await _letters(database) == 2


async def test_a_record_whose_headers_cannot_be_kept_is_set_aside_by_its_coordinates(
    database: Database,
):
    await set_aside(database, replace(POISON, headers=[("a\x00b", b"")]))

    (letter,) = await database.fetch("SELECT * FROM dead_letters")
    assert (letter["kafka_offset"], letter["record_value"]) == (7, None)
    assert letter["error_message"].startswith("expected JSON (")


async def test_an_error_that_cannot_be_kept_as_it_is_is_cleaned_and_cut(database: Database):
    await set_aside(database, replace(POISON, error="\x00\ud800" + "x" * 5000))

    (letter,) = await database.fetch("SELECT error_message FROM dead_letters")
    assert letter["error_message"].startswith("\ufffd?xxx")
    assert len(letter["error_message"]) == 1000
