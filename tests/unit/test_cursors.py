"""Opaque cursors."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from api_service.http.cursors import MAX_CURSOR_CHARACTERS, Cursors, Instant
from api_service.http.problems import ProblemError

KEYS = (
    datetime(2026, 11, 21, 10, 30, 0, 123456, tzinfo=UTC),
    UUID("019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"),
)
COLUMNS = ("created_at", "id")
CURSORS = Cursors("letters", tuple[Instant, UUID], columns=COLUMNS)
CURSOR = CURSORS.encode(KEYS, status="failed", entity_type=None)


def refused(cursors: Cursors[tuple[datetime, UUID]], text: str, **filters: str | None) -> None:
    with pytest.raises(ProblemError) as refusal:
        cursors.decode(text, **filters)
    assert (refusal.value.status_code, refusal.value.code) == (422, "invalid_cursor")
    assert refusal.value.errors is not None
    assert [fault.parameter for fault in refusal.value.errors] == ["cursor"]


def test_a_cursor_gives_the_keys_back_to_the_microsecond():
    assert CURSORS.decode(CURSOR, entity_type=None, status="failed") == KEYS


def test_a_cursor_needs_no_escaping_and_is_within_the_limit():
    assert set(CURSOR) <= {*"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"}
    assert len(CURSOR) < MAX_CURSOR_CHARACTERS / 2


def test_a_time_of_another_zone_is_the_same_key():
    elsewhere = KEYS[0].astimezone(timezone(timedelta(hours=5)))

    assert CURSORS.decode(CURSORS.encode((elsewhere, KEYS[1])))[0] == KEYS[0]


@pytest.mark.parametrize(
    "filters",
    [{"status": "failed"}, {"status": None, "entity_type": None}, {"status": "partial"}, {}],
    ids=repr,
)
def test_a_cursor_is_bound_to_its_filters(filters: dict[str, str | None]):
    refused(CURSORS, CURSOR, **filters)


def test_a_cursor_is_bound_to_its_list():
    others = Cursors("generation-requests", tuple[Instant, UUID], columns=COLUMNS)

    refused(others, CURSOR, status="failed", entity_type=None)


@pytest.mark.parametrize("place", range(len(CURSOR)))
def test_a_cursor_of_which_one_character_is_another_is_refused(place: int):
    other = "A" if CURSOR[place] != "A" else "B"
    tampered = CURSOR[:place] + other + CURSOR[place + 1 :]

    refused(CURSORS, tampered, status="failed", entity_type=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "=",
        "null",
        "é",
        "\ud800",
        "A" * 511,
        CURSOR[:-1],
        CURSOR + "A",
        CURSOR + "=",
        CURSOR + "\n",
        base64.urlsafe_b64encode(b"012345678" + b"[" * 200).decode(),
        base64.urlsafe_b64encode(b"012345678" + b'["0001-01-01T00:00:00+14:00"]').decode(),
    ],
    ids=ascii,
)
def test_what_is_no_cursor_is_refused(text: str):
    refused(CURSORS, text, status="failed", entity_type=None)


def test_a_time_that_has_no_place_in_utc_is_refused_even_with_the_right_digest():
    written = b'["0001-01-01T00:00:00+14:00","019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"]'
    forged = base64.urlsafe_b64encode(CURSORS._digest(written, {}) + written)  # noqa: SLF001

    refused(CURSORS, forged.decode().rstrip("="))


@pytest.mark.parametrize(("limit", "next_cursor"), [(1, CURSOR), (2, None), (3, None)])
def test_a_page_that_is_not_the_last_has_a_cursor_after_its_last_row(
    limit: int, next_cursor: str | None
):
    rows: list[Any] = [
        dict(zip(COLUMNS, keys, strict=True)) for keys in (KEYS, (KEYS[0], UUID(int=0)))
    ]

    shown, after = CURSORS.page(rows, limit, status="failed", entity_type=None)

    assert (shown, after) == (rows[:limit], next_cursor)
