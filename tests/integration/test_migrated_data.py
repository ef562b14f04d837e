"""What stood in the tables of an older schema is kept by its migrations."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import migrations as migrations_package
from migrations.migrate import migrate
from tests.support.rows import rows_of


def migrations_before(version: str, folder: Path) -> Path:
    """Copy what a schema of before is made of."""
    for file in Path(migrations_package.__file__ or "").parent.glob("*.sql"):
        if file.name < version:
            (folder / file.name).write_bytes(file.read_bytes())
    return folder


async def test_letters_of_the_first_schema_are_kept(empty_database_url: str, tmp_path: Path):
    await migrate(empty_database_url, folder=migrations_before("20261121000200", tmp_path))
    old = """
        INSERT INTO dead_letters
            (id, reason, error_message, topic, kafka_partition, kafka_offset, content_digest)
        SELECT gen_random_uuid(), reason, 'e', 't', 0, 1, sha256(reason::bytea)
          FROM unnest(ARRAY ['unreadable', 'undecodable']) AS reason RETURNING id"""
    await rows_of(empty_database_url, old)

    await migrate(empty_database_url)

    kept = """SELECT reason || coalesce(' ' || cardinality(header_names), '')
                FROM dead_letters WHERE first_failed_at = created_at ORDER BY reason"""
    assert await rows_of(empty_database_url, kept) == ["undecodable", "unreadable 0"]


def usage_of(*calls: dict[str, Any]) -> str:
    """Write calls as the workers before `provider_calls` did."""
    return json.dumps({"calls": len(calls), "provider_calls": calls})


A_TIMEOUT = {"outcome": "timeout", "seconds": 2.5, "input_tokens": 0}
AN_ANSWER = {"outcome": "ok", "seconds": 1, "input_tokens": 2**40, "model": "tiny"}

OLD_REQUEST = """
INSERT INTO generation_requests
    (id, entity_type, status, requested_count, generated_count, epoch, traceparent, deadline_at,
     completed_at)
VALUES ($1, 'sentence', 'completed', 1, 1, 1, '', now(), now())"""

OLD_ITEM = """
INSERT INTO generation_items
    (generation_request_id, ordinal, status, error_code, entity, attempts, usage)
SELECT $1, 0, CASE WHEN $2 THEN 'succeeded' ELSE 'failed' END, CASE WHEN NOT $2 THEN 'x' END,
       CASE WHEN $2 THEN '{}'::jsonb END, 1, $3
    ON CONFLICT (generation_request_id, ordinal) DO UPDATE
   SET status = excluded.status, entity = excluded.entity, usage = excluded.usage, error_code = NULL
 WHERE generation_items.status = 'failed' AND excluded.status = 'succeeded'"""

MOVED = """
SELECT outcome, error_message, model, input_tokens FROM provider_calls
 WHERE generation_request_id = $1 ORDER BY call_id"""

MOVED_CALLS = [("timeout", "timeout", None, 0), ("ok", None, "tiny", 2**31 - 1)]


@pytest.fixture
async def old(empty_database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A worker's connection that stays while the schema is migrated."""
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


async def written(old: "asyncpg.Connection[asyncpg.Record]", *calls: dict[str, Any]) -> uuid.UUID:
    """Record an item that succeeded as the workers before `provider_calls` did."""
    request_id = uuid.uuid4()
    await old.execute(OLD_REQUEST, request_id)
    await old.execute(OLD_ITEM, request_id, True, usage_of(*calls))
    return request_id


async def moved(
    old: "asyncpg.Connection[asyncpg.Record]", request_id: uuid.UUID
) -> list[tuple[Any, ...]]:
    return [(*row,) for row in await old.fetch(MOVED, request_id)]


async def test_calls_are_kept_whenever_a_worker_of_the_version_before_wrote_them(
    empty_database_url: str, tmp_path: Path, old: "asyncpg.Connection[asyncpg.Record]"
):
    """Before the table of calls stood, before the trigger did, and afterwards."""
    await migrate(empty_database_url, folder=migrations_before("20261128000200", tmp_path))
    before = await written(old, A_TIMEOUT, AN_ANSWER)
    await migrate(empty_database_url, folder=migrations_before("20261128000300", tmp_path))
    meanwhile = await written(old, A_TIMEOUT, AN_ANSWER)
    await migrate(empty_database_url)
    afterwards = await written(old, A_TIMEOUT, AN_ANSWER)

    for request_id in (before, meanwhile, afterwards):
        assert await moved(old, request_id) == MOVED_CALLS


async def test_a_repeated_write_of_an_old_worker_moves_its_calls_once(
    empty_database_url: str, old: "asyncpg.Connection[asyncpg.Record]"
):
    await migrate(empty_database_url)
    request_id = await written(old, AN_ANSWER)

    await old.execute(OLD_ITEM, request_id, True, usage_of(AN_ANSWER))

    assert len(await moved(old, request_id)) == 1


async def test_an_old_workers_success_after_a_failure_keeps_the_calls_of_both(
    empty_database_url: str, old: "asyncpg.Connection[asyncpg.Record]"
):
    await migrate(empty_database_url)
    request_id = uuid.uuid4()
    await old.execute(OLD_REQUEST, request_id)

    for succeeded, call in ((False, A_TIMEOUT), (True, AN_ANSWER)):
        await old.execute(OLD_ITEM, request_id, succeeded, usage_of(call))

    assert sorted(outcome for outcome, *_ in await moved(old, request_id)) == ["ok", "timeout"]


async def test_calls_are_moved_while_an_item_is_locked(
    empty_database_url: str, tmp_path: Path, old: "asyncpg.Connection[asyncpg.Record]"
):
    await migrate(empty_database_url, folder=migrations_before("20261128000400", tmp_path))
    await written(old, AN_ANSWER)

    async with old.transaction():
        await old.execute("SELECT FROM generation_items FOR UPDATE")
        applied = await migrate(empty_database_url)

    assert [migration.version for migration in applied] == ["20261128000400"]
