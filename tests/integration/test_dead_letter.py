"""What a letter is: one for each record and each round, with the row that publishes it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from schemas.dead_letters import Header, Reason
from schemas.messages import GenerationRequested
from shared.errors import ErrorCode
from shared.kafka.topics import DEAD_LETTER_MESSAGE_BYTES
from shared.postgres.database import Database
from tests.support.requests import (
    KAFKA_NAMES,
    Claimer,
    a_failure,
    a_request,
    a_success,
    recorded,
    row_of,
    topics_of_outbox,
)
from worker_service.settlement.dead_letter import reason_of
from worker_service.settlement.poison import LARGEST_KEPT_BYTES, Poison, dead_letter_record

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
Headers = list[tuple[str, bytes | None]]


async def _letters(database: Database) -> list[asyncpg.Record]:
    return await database.fetch("SELECT * FROM dead_letters ORDER BY created_at")


async def _the_letter(database: Database) -> asyncpg.Record:
    letters = await _letters(database)
    assert len(letters) == 1
    return letters[0]


async def _sent(database: Database) -> asyncpg.Record:
    """Return the one row of the outbox that goes to the topic of letters."""
    (row,) = await database.fetch(
        "SELECT * FROM outbox WHERE topic = $1", KAFKA_NAMES.topics.dead_letters
    )
    return row


def _headers(row: asyncpg.Record) -> Headers:
    return [*zip(row["header_names"], row["header_values"], strict=True)]


def _ours(row: asyncpg.Record) -> dict[str, str]:
    ours = {*Header}
    return {name: (value or b"").decode() for name, value in _headers(row) if name in ours}


def _written(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


# About a record


async def test_a_record_delivered_twice_is_one_letter_and_one_row_for_the_topic(
    database: Database,
):
    for _ in range(2):
        await dead_letter_record(database, POISON, kafka_names=KAFKA_NAMES)

    letter = await _the_letter(database)
    assert (letter["record_key"], letter["record_value"]) == (b"k", b"\x00\xff")
    assert _headers(letter) == POISON.headers
    assert await topics_of_outbox(database) == [KAFKA_NAMES.topics.dead_letters]


@pytest.mark.parametrize(
    "other",
    [
        replace(POISON, offset=8),
        replace(POISON, partition=2),
        replace(POISON, topic="other"),
        replace(POISON, value=b""),
        replace(POISON, value=None),
        replace(POISON, key=None),
        replace(POISON, key=b""),
        replace(POISON, key=b"k\x00", value=b"\xff"),
    ],
)
async def test_another_record_is_another_letter(database: Database, other: Poison):
    await dead_letter_record(database, POISON, kafka_names=KAFKA_NAMES)

    await dead_letter_record(database, other, kafka_names=KAFKA_NAMES)

    assert len(await _letters(database)) == len(await topics_of_outbox(database)) == 2


async def test_empty_and_missing_bytes_are_told_apart(database: Database):
    await dead_letter_record(database, replace(POISON, value=b""), kafka_names=KAFKA_NAMES)

    await dead_letter_record(database, replace(POISON, value=None), kafka_names=KAFKA_NAMES)

    assert len(await _letters(database)) == 2


async def test_the_record_is_sent_as_it_came_with_our_headers_behind_its_own(database: Database):
    await dead_letter_record(database, POISON, kafka_names=KAFKA_NAMES)

    letter, sent = await _the_letter(database), await _sent(database)
    assert (sent["record_key"], sent["record_value"]) == (POISON.key, POISON.value)
    assert _headers(sent)[:2] == POISON.headers
    assert dict(_headers(sent)[2:]) == {
        "__dlq.errors.topic": b"generation-requests.normal",
        "__dlq.errors.partition": b"1",
        "__dlq.errors.offset": b"7",
        "__dlq.errors.group": b"workers",
        "__dlq.errors.message": b"expected JSON",
        "__dlq.errors.delivery.count": b"1",
        "dlq.id": str(letter["id"]).encode(),
        "dlq.reason": b"unreadable",
        "dlq.attempts": b"0",
        "dlq.replay-count": b"0",
        "dlq.first-failed-at": _written(letter["first_failed_at"]).encode(),
    }


async def test_headers_of_ours_that_are_there_already_are_replaced(database: Database):
    stale: Headers = [(name, b"stale") for name in Header]
    poison = replace(POISON, headers=[*stale, ("between", b""), *stale])

    await dead_letter_record(database, poison, kafka_names=KAFKA_NAMES)

    sent = _headers(await _sent(database))
    assert sent[0] == ("between", b"")
    assert sorted(name for name, _ in sent[1:]) == sorted(Header)
    assert all(value != b"stale" for _, value in sent)
    assert _headers(await _the_letter(database)) == poison.headers


@pytest.mark.parametrize(
    "huge",
    [
        replace(POISON, value=b"z" * (LARGEST_KEPT_BYTES + 1)),
        replace(POISON, headers=[("name", b"z" * LARGEST_KEPT_BYTES)]),
        replace(POISON, headers=[("z" * LARGEST_KEPT_BYTES, None)]),
    ],
    ids=["value", "header", "name of a header"],
)
async def test_a_record_that_only_compression_made_small_is_dead_lettered_by_its_coordinates(
    huge: Poison, database: Database
):
    await dead_letter_record(database, huge, kafka_names=KAFKA_NAMES)

    letter = await _the_letter(database)
    assert (letter["kafka_offset"], letter["record_value"]) == (7, None)
    assert letter["error_message"] == "expected JSON (too many bytes to keep)"


async def test_a_record_that_postgresql_cannot_keep_is_dead_lettered_by_its_coordinates(
    database: Database,
):
    hostile = replace(POISON, headers=[("a\x00b", b"")])
    for _ in range(2):
        await dead_letter_record(database, hostile, kafka_names=KAFKA_NAMES)

    letter, sent = await _the_letter(database), await _sent(database)
    assert letter["kafka_offset"] == 7
    assert letter["error_message"].startswith("expected JSON (")
    assert (letter["record_key"], letter["record_value"], letter["header_names"]) == (None,) * 3
    assert letter["content_digest"] == hostile.digest
    assert (sent["record_key"], sent["record_value"]) == (None, None)
    assert _ours(sent)["__dlq.errors.offset"] == "7"


async def test_a_record_that_even_the_topic_of_letters_cannot_take_is_kept_in_the_table(
    database: Database,
):
    large = replace(POISON, value=b"x" * DEAD_LETTER_MESSAGE_BYTES)
    await dead_letter_record(database, large, kafka_names=KAFKA_NAMES)

    sent = await _sent(database)
    assert (sent["record_key"], sent["record_value"]) == (None, None)
    assert {*_ours(sent)} == {name for name, _ in _headers(sent)} == {*Header}
    assert (await _the_letter(database))["record_value"] == large.value


async def test_an_error_that_cannot_be_kept_as_it_is_is_cleaned_and_cut(database: Database):
    await dead_letter_record(
        database, replace(POISON, error="\x00\ud800" + "x" * 5000), kafka_names=KAFKA_NAMES
    )

    message = (await _the_letter(database))["error_message"]
    assert message.startswith("\ufffd?xxx")
    assert len(message) == 1000
    assert _ours(await _sent(database))["__dlq.errors.message"] == message


# About a request


async def _settled(database: Database, *codes: str | None) -> UUID:
    """Settle a request whose items end with these codes; None is a success."""
    claim = await Claimer(database).claim(await a_request(database, count=len(codes)))
    for ordinal, code in enumerate(codes):
        await recorded(database, claim, ordinal, a_failure(code) if code else a_success())
    return claim.request_id


async def test_a_request_without_all_its_entities_has_a_letter_with_what_replay_needs(
    database: Database,
):
    request_id = await _settled(database, None, "refused", None, "invalid_output", "refused")

    letter, request = await _the_letter(database), await row_of(database, request_id)
    assert (letter["generation_request_id"], letter["round"]) == (request_id, 1)
    assert (letter["reason"], letter["error_code"]) == ("items_failed", "refused")
    assert letter["error_message"] == request["error_message"]
    assert letter["failed_ordinals"] == [1, 3, 4]
    assert (letter["attempts"], letter["delivery_count"], letter["replay_count"]) == (9, 1, 0)
    (first,) = await database.fetch(
        "SELECT min(recorded_at) AS at FROM generation_items WHERE status = 'failed'"
    )
    assert letter["first_failed_at"] == first["at"]
    assert (letter["topic"], letter["kafka_partition"], letter["kafka_offset"]) == (
        "generation-requests.normal",
        None,
        None,
    )


async def test_the_record_of_a_request_is_its_dispatch_message(database: Database):
    request_id = await _settled(database, "refused")

    letter, sent = await _the_letter(database), await _sent(database)
    for row in (letter, sent):
        assert row["record_key"] == str(request_id).encode()
        message = GenerationRequested.model_validate_json(row["record_value"])
        assert message.generation_request_id == request_id
    assert dict(_headers(letter))["ce_type"] == b"generation.requested.v1"
    assert _headers(sent)[: len(_headers(letter))] == _headers(letter)
    assert _ours(sent) == {
        "__dlq.errors.topic": "generation-requests.normal",
        "__dlq.errors.group": "workers",
        "__dlq.errors.message": "1 of 1 items failed: it would not fit",
        "__dlq.errors.delivery.count": "1",
        "dlq.id": str(letter["id"]),
        "dlq.reason": "items_failed",
        "dlq.attempts": "3",
        "dlq.first-failed-at": _written(letter["first_failed_at"]),
        "dlq.replay-count": "0",
    }


async def test_a_request_with_all_its_entities_has_none(database: Database):
    await _settled(database, None, None)

    assert await _letters(database) == []
    assert await topics_of_outbox(database) == [KAFKA_NAMES.topics.events]


async def test_each_round_has_a_letter_of_its_own_that_counts_the_replays(database: Database):
    request_id = await _settled(database, "refused")
    await database.execute("UPDATE dead_letters SET replay_count = 1")
    await database.execute("DELETE FROM generation_items")
    await database.execute(
        """UPDATE generation_requests
              SET status = 'pending', completed_at = NULL, error_code = NULL, failed_count = 0,
                  round = round + 1, epoch = epoch + 1"""
    )
    claim = await Claimer(database).claim(request_id)

    await recorded(database, claim, 0, a_failure())

    letters = await _letters(database)
    assert [(letter["round"], letter["replay_count"]) for letter in letters] == [(1, 1), (2, 1)]


async def test_the_letter_is_of_the_transaction_that_settles(database: Database):
    """Whatever undoes the settlement undoes its letter: here the event cannot be written."""
    claim = await Claimer(database).claim(await a_request(database))
    await database.execute(
        "ALTER TABLE outbox ADD CONSTRAINT no_events CHECK (topic <> 'generation-events')"
    )

    with pytest.raises(asyncpg.CheckViolationError):
        await recorded(database, claim, 0, a_failure())

    assert await _letters(database) == []
    assert (await row_of(database, claim.request_id))["status"] == "processing"


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (["refused"], "items_failed"),
        (["refused", "unexpected"], "unexpected"),
        (["refused", "refused", "deadline_exceeded"], "deadline_exceeded"),
        (["unexpected", "crash_loop"], "crash_loop"),
        (["unknown_entity_type"], "unknown_entity_type"),
        (["unknown_provider"], "unknown_provider"),
        (["refused", "provider_unavailable"], "provider_unavailable"),
        (["a code of tomorrow"], "items_failed"),
    ],
)
def test_the_reason_is_the_verdict_that_ended_the_request(codes: list[str], reason: str):
    assert reason_of(codes) == reason


@pytest.mark.parametrize("code", [*ErrorCode])
async def test_every_error_code_makes_a_letter_that_the_schema_takes(database: Database, code: str):
    await _settled(database, code)

    assert (await _the_letter(database))["error_code"] == code
