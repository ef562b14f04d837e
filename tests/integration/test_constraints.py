"""The schema refuses what must never be, and nothing else."""

import re
import uuid
from typing import Any

import asyncpg
import pytest

from schemas.dead_letters import ABOUT_RECORDS, Reason
from schemas.states import Priority, Status
from shared.postgres.database import Database
from tests.support.requests import a_request

OPEN = {"status": "pending", "requested_count": 3}
LEASED = {
    "status": "processing",
    "lease_owner": uuid.UUID(int=1),
    "lease_until": "now",
    "requested_count": 3,
}
DONE = {"completed_at": "now"}
ILLEGAL_REQUESTS = [
    ({"status": "waiting"}, "valid_status"),
    ({"status": ""}, "valid_status"),
    ({"priority": "urgent"}, "valid_priority"),
    ({**DONE, "status": "cancelled", "requested_count": 0}, "valid_counts"),
    ({"generated_count": -1}, "valid_counts"),
    ({"failed_count": -1}, "valid_counts"),
    ({**DONE, "status": "cancelled", "generated_count": 1, "failed_count": 1}, "valid_counts"),
    ({**OPEN, "generated_count": 3}, "status_agrees_with_counts"),
    ({**OPEN, "generated_count": 1, "failed_count": 2}, "status_agrees_with_counts"),
    ({**LEASED, "generated_count": 3}, "status_agrees_with_counts"),
    ({**DONE, "status": "completed"}, "status_agrees_with_counts"),
    (
        {**DONE, "status": "completed", "requested_count": 2, "generated_count": 1},
        "status_agrees_with_counts",
    ),
    (
        {**DONE, "status": "partial", "generated_count": 1, "error_code": "x"},
        "status_agrees_with_counts",
    ),
    (
        {**DONE, "status": "partial", "failed_count": 1, "error_code": "x"},
        "status_agrees_with_counts",
    ),
    (
        {
            **DONE,
            "status": "partial",
            "requested_count": 3,
            "generated_count": 1,
            "failed_count": 1,
            "error_code": "x",
        },
        "status_agrees_with_counts",
    ),
    ({**DONE, "status": "failed", "error_code": "x"}, "status_agrees_with_counts"),
    (
        {**DONE, "status": "failed", "generated_count": 1, "error_code": "x"},
        "status_agrees_with_counts",
    ),
    ({"status": "processing"}, "processing_holds_a_lease"),
    ({**LEASED, "lease_until": None}, "processing_holds_a_lease"),
    ({**LEASED, "lease_owner": None}, "processing_holds_a_lease"),
    ({**LEASED, "status": "pending"}, "processing_holds_a_lease"),
    ({"lease_until": "now"}, "processing_holds_a_lease"),
    ({**LEASED, **DONE, "status": "cancelled"}, "processing_holds_a_lease"),
    ({"completed_at": "now"}, "final_has_an_end"),
    ({**LEASED, **DONE}, "final_has_an_end"),
    ({"status": "completed", "generated_count": 1}, "final_has_an_end"),
    ({"status": "cancelled"}, "final_has_an_end"),
    ({**DONE, "status": "failed", "failed_count": 1}, "failure_has_a_code"),
    (
        {**DONE, "status": "completed", "generated_count": 1, "error_code": "x"},
        "failure_has_a_code",
    ),
    ({"error_code": "x"}, "failure_has_a_code"),
    ({**DONE, "status": "cancelled", "error_code": "x"}, "failure_has_a_code"),
]
LEGAL_REQUESTS = [
    OPEN,
    {**OPEN, "generated_count": 1, "failed_count": 1, "started_at": "now"},
    LEASED,
    {**LEASED, "generated_count": 2},
    {**DONE, "status": "completed", "generated_count": 1},
    {
        **DONE,
        "status": "partial",
        "requested_count": 2,
        "generated_count": 1,
        "failed_count": 1,
        "error_code": "x",
    },
    {**DONE, "status": "failed", "failed_count": 1, "error_code": "x"},
    {**DONE, "status": "cancelled"},
    {**DONE, "status": "cancelled", "requested_count": 2, "generated_count": 1},
]
ILLEGAL_ITEMS = [
    ({"ordinal": -1}, "generation_items_ordinal_check"),
    ({"attempts": -1}, "generation_items_attempts_check"),
    ({"status": "pending"}, "generation_items_status_check"),
    ({"entity": None}, "success_has_an_entity"),
    ({"status": "failed", "error_code": "x"}, "success_has_an_entity"),
    ({"error_code": "x"}, "failure_has_a_code"),
    ({"status": "failed", "entity": None}, "failure_has_a_code"),
]


A_DIGEST = b"d" * 32
ABOUT_A_RECORD = {
    "reason": "unreadable",
    "kafka_partition": 0,
    "kafka_offset": 7,
    "content_digest": A_DIGEST,
    "header_names": [],
    "header_values": [],
}
ABOUT_A_REQUEST = {
    "reason": "items_failed",
    "generation_request_id": "the request",
    "round": 1,
    "error_code": "refused",
    "failed_ordinals": [0],
    "header_names": [],
    "header_values": [],
}
UNKEPT = {"header_names": None, "header_values": None}
ILLEGAL_LETTERS = [
    ({**ABOUT_A_REQUEST, "reason": "bad luck"}, "letter_reason_is_known"),
    ({**ABOUT_A_RECORD, "reason": "items_failed"}, "letter_reason_fits_its_subject"),
    ({**ABOUT_A_REQUEST, "reason": "undecodable"}, "letter_reason_fits_its_subject"),
    *(
        ({**ABOUT_A_RECORD, column: None}, "letter_is_about_a_request_or_a_record")
        for column in ("kafka_partition", "kafka_offset", "content_digest")
    ),
    *(
        ({**ABOUT_A_REQUEST, column: None}, "letter_is_about_a_request_or_a_record")
        for column in ("round", "error_code", "failed_ordinals")
    ),
    ({**ABOUT_A_RECORD, "round": 1}, "letter_is_about_a_request_or_a_record"),
    ({**ABOUT_A_RECORD, **ABOUT_A_REQUEST}, "letter_is_about_a_request_or_a_record"),
    ({**ABOUT_A_REQUEST, "failed_ordinals": []}, "letter_names_failed_items"),
    ({**ABOUT_A_REQUEST, "failed_ordinals": [0, None]}, "letter_names_failed_items"),
    ({**ABOUT_A_REQUEST, **UNKEPT}, "letter_keeps_its_record_whole"),
    ({**ABOUT_A_RECORD, **UNKEPT, "record_key": b""}, "letter_keeps_its_record_whole"),
    ({**ABOUT_A_RECORD, **UNKEPT, "record_value": b""}, "letter_keeps_its_record_whole"),
    ({**ABOUT_A_RECORD, "header_names": None}, "letter_keeps_its_record_whole"),
    ({**ABOUT_A_RECORD, "header_values": None}, "letter_keeps_its_record_whole"),
    ({**ABOUT_A_RECORD, "header_names": ["h"]}, "letter_keeps_its_record_whole"),
    (
        {**ABOUT_A_RECORD, "header_names": [None], "header_values": [b""]},
        "letter_keeps_its_record_whole",
    ),
    ({**ABOUT_A_RECORD, "attempts": -1}, "letter_counts_are_counts"),
    ({**ABOUT_A_RECORD, "delivery_count": -1}, "letter_counts_are_counts"),
    ({**ABOUT_A_RECORD, "replay_count": -1}, "letter_counts_are_counts"),
    ({**ABOUT_A_REQUEST, "round": 0}, "letter_counts_are_counts"),
    ({**ABOUT_A_RECORD, "content_digest": b"short"}, "letter_digest_is_sha256"),
    ({**ABOUT_A_RECORD, "error_message": "x" * 1001}, "letter_error_is_short"),
]
LEGAL_LETTERS = [
    ABOUT_A_RECORD,
    {**ABOUT_A_RECORD, "header_names": ["h", "h"], "header_values": [None, b""]},
    {**ABOUT_A_RECORD, **UNKEPT, "reason": "undecodable"},
    ABOUT_A_REQUEST,
    {**ABOUT_A_REQUEST, "failed_ordinals": [0, 9], "round": 2, "delivery_count": 0},
]


async def insert(database: Database, table: str, row: dict[str, Any]) -> None:
    """Insert a row; the value "now" stands for the database's time."""
    arguments = [value for value in row.values() if value != "now"]
    places = iter(range(1, len(arguments) + 1))
    values = ", ".join(
        "clock_timestamp()" if value == "now" else f"${next(places)}" for value in row.values()
    )
    statement: Any = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"  # noqa: S608
    await database.execute(statement, *arguments)


def a_row(**columns: Any) -> dict[str, Any]:
    valid = {
        "id": uuid.uuid4(),
        "entity_type": "sentence",
        "requested_count": 1,
        "deadline_at": "now",
        "traceparent": "00-1-1-00",
    }
    return {**valid, **columns}


@pytest.mark.parametrize(("columns", "constraint"), ILLEGAL_REQUESTS, ids=repr)
async def test_an_illegal_state_of_a_request_cannot_be_written(
    database: Database, columns: dict[str, Any], constraint: str
):
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await insert(database, "generation_requests", a_row(**columns))

    assert refused.value.constraint_name == constraint


@pytest.mark.parametrize("columns", LEGAL_REQUESTS, ids=repr)
async def test_a_legal_state_of_a_request_can(database: Database, columns: dict[str, Any]):
    await insert(database, "generation_requests", a_row(**columns))


@pytest.mark.parametrize(("columns", "constraint"), ILLEGAL_ITEMS, ids=repr)
async def test_an_illegal_item_cannot_be_written(
    database: Database, columns: dict[str, Any], constraint: str
):
    valid = {"ordinal": 0, "status": "succeeded", "entity": "{}", "attempts": 1}
    request_id = await a_request(database)

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await insert(
            database,
            "generation_items",
            {"generation_request_id": request_id, **valid, **columns},
        )

    assert refused.value.constraint_name == constraint


async def a_letter(database: Database, columns: dict[str, Any]) -> dict[str, Any]:
    if "generation_request_id" in columns:
        columns = {**columns, "generation_request_id": await a_request(database)}
    return {"id": uuid.uuid4(), "topic": "t", "error_message": "e", **columns}


@pytest.mark.parametrize(("columns", "constraint"), ILLEGAL_LETTERS, ids=repr)
async def test_an_illegal_letter_cannot_be_written(
    database: Database, columns: dict[str, Any], constraint: str
):
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await insert(database, "dead_letters", await a_letter(database, columns))

    assert refused.value.constraint_name == constraint


@pytest.mark.parametrize("columns", LEGAL_LETTERS, ids=repr)
async def test_a_legal_letter_can(database: Database, columns: dict[str, Any]):
    await insert(database, "dead_letters", await a_letter(database, columns))


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        (ABOUT_A_RECORD, "one_letter_for_each_record"),
        (ABOUT_A_REQUEST, "one_letter_for_each_round"),
    ],
    ids=["record", "request"],
)
async def test_a_letter_is_written_once(
    database: Database, columns: dict[str, Any], constraint: str
):
    letter = await a_letter(database, columns)
    await insert(database, "dead_letters", letter)

    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await insert(database, "dead_letters", {**letter, "id": uuid.uuid4()})

    assert refused.value.constraint_name == constraint


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("valid_status", [*Status]),
        ("valid_priority", [*Priority]),
        ("letter_reason_is_known", [*Reason]),
        (
            "letter_reason_fits_its_subject",
            [r for r in Reason if r in ABOUT_RECORDS],
        ),
    ],
)
async def test_the_schema_has_the_values_that_the_code_has(
    database: Database, constraint: str, values: list[str]
):
    row = await database.fetchrow(
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = $1", constraint
    )

    assert row is not None
    assert re.findall(r"'([a-z_]+)'::text", row["text"]) == values


@pytest.mark.parametrize(
    ("table", "illegal"),
    [("generation_requests", ILLEGAL_REQUESTS), ("dead_letters", ILLEGAL_LETTERS)],
    ids=["requests", "letters"],
)
async def test_every_rule_of_a_table_is_tested_above(
    database: Database, table: str, illegal: list[tuple[Any, str]]
):
    rows = await database.fetch(
        """SELECT conname FROM pg_constraint
            WHERE contype = 'c' AND conrelid = $1::text::regclass""",
        table,
    )

    assert {row["conname"] for row in rows} == {rule for _, rule in illegal}
