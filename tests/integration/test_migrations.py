"""The migrator, and the schema that it makes."""

import ast
import asyncio
import importlib
import json
import pkgutil
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import pytest

import api_service
import migrations as migrations_package
import shared
import worker_service
from migrations.migrate import Migration, MigrationFailed, migrate, migrations
from schemas.dead_letters import ABOUT_RECORDS, Reason
from schemas.states import Priority, Status
from shared.postgres.database import Database
from shared.postgres.schema import SCHEMA_VERSION
from shared.sql import Statement
from tests.support.requests import a_request

# The migrator


@pytest.fixture
async def empty_database_url(database: Database, database_url: str) -> AsyncIterator[str]:
    """A database without any schema, beside the test's own."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    await database.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield re.sub(r"/[^/]*$", f"/{name}", database_url)
    await database.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations of a small schema."""
    (tmp_path / "20260101000000_first.sql").write_text(
        "CREATE TABLE things (id int PRIMARY KEY);\nINSERT INTO things VALUES (1);"
    )
    (tmp_path / "20260102000000_second.sql").write_text("INSERT INTO things VALUES (2);")
    return tmp_path


async def rows_of(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_five_starters_at_once_apply_each_file_once(empty_database_url: str, folder: Path):
    starts = [migrate(empty_database_url, folder=folder) for _ in range(5)]

    applied = [migration.name for one in await asyncio.gather(*starts) for migration in one]

    assert applied == ["first", "second"]
    assert await rows_of(empty_database_url, "SELECT id FROM things ORDER BY id") == [1, 2]
    assert await rows_of(empty_database_url, "SELECT name FROM schema_migrations") == applied


async def test_five_starters_of_the_real_schema_agree(empty_database_url: str):
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(5)))

    assert sorted(map(len, applied)) == [0, 0, 0, 0, len(migrations())]


async def test_a_second_run_applies_what_is_new_and_nothing_else(
    empty_database_url: str, folder: Path
):
    await migrate(empty_database_url, folder=folder)
    (folder / "20260103000000_third.sql").write_text("INSERT INTO things VALUES (3);")

    again = await migrate(empty_database_url, folder=folder)

    assert [migration.name for migration in again] == ["third"]
    assert await migrate(empty_database_url, folder=folder) == []


async def test_a_file_that_was_edited_after_use_is_refused(empty_database_url: str, folder: Path):
    await migrate(empty_database_url, folder=folder)
    (folder / "20260102000000_second.sql").write_text("INSERT INTO things VALUES (3);")

    with pytest.raises(MigrationFailed, match=r"^20260102000000_second.sql was edited after use$"):
        await migrate(empty_database_url, folder=folder)

    assert await rows_of(empty_database_url, "SELECT id FROM things ORDER BY id") == [1, 2]


async def test_a_file_that_fails_leaves_nothing_behind(empty_database_url: str, folder: Path):
    (folder / "20260102000000_second.sql").write_text(
        "INSERT INTO things VALUES (2);\nINSERT INTO things VALUES (1);"
    )

    with pytest.raises(
        MigrationFailed, match=r"^20260102000000_second.sql: duplicate key"
    ) as failed:
        await migrate(empty_database_url, folder=folder)

    assert "\n" not in str(failed.value)
    assert await rows_of(empty_database_url, "SELECT id FROM things") == [1]
    assert await rows_of(empty_database_url, "SELECT name FROM schema_migrations") == ["first"]


async def test_a_file_and_its_place_in_the_history_are_written_together(
    empty_database_url: str, folder: Path
):
    (folder / "20260102000000_second.sql").write_text(
        "INSERT INTO things VALUES (2);"
        "INSERT INTO schema_migrations VALUES ('20260102000000', 'in the way', '');"
    )

    with pytest.raises(MigrationFailed, match="duplicate key"):
        await migrate(empty_database_url, folder=folder)

    assert await rows_of(empty_database_url, "SELECT id FROM things") == [1]


async def test_a_file_that_was_mended_is_applied(empty_database_url: str, folder: Path):
    (folder / "20260102000000_second.sql").write_text("INSERT INTO nothing VALUES (2);")
    with pytest.raises(MigrationFailed):
        await migrate(empty_database_url, folder=folder)
    (folder / "20260102000000_second.sql").write_text("INSERT INTO things VALUES (2);")

    applied = await migrate(empty_database_url, folder=folder)

    assert [migration.name for migration in applied] == ["second"]


async def test_a_starter_waits_for_another_and_then_says_so(empty_database_url: str, folder: Path):
    holder = await asyncpg.connect(empty_database_url)
    try:
        await holder.execute("SELECT pg_advisory_lock(7215340912)")
        with pytest.raises(MigrationFailed, match=r"^another migration ran for over 0\.3 s$"):
            await migrate(empty_database_url, wait_seconds=0.3, folder=folder)
    finally:
        await holder.close()

    assert len(await migrate(empty_database_url, folder=folder)) == 2


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (
            "postgresql://postgres@127.0.0.1:1/x",
            "PostgreSQL, at DATABASE_URL, cannot be reached: ",
        ),
        ("{}?target_session_attrs=standby", "PostgreSQL, at DATABASE_URL, cannot be reached: "),
        ("{}_that_is_missing", "wrong setting: DATABASE_URL: database .* does not exist"),
        ("{}?foo=bar", 'wrong setting: DATABASE_URL: unrecognized .* parameter "foo"'),
    ],
)
async def test_a_server_that_cannot_be_had_is_one_line(database_url: str, url: str, reason: str):
    with pytest.raises(MigrationFailed, match=f"^{reason}") as failed:
        await migrate(url.format(database_url), wait_seconds=0)

    assert "\n" not in str(failed.value)


def test_the_services_rely_on_the_newest_migration():
    assert migrations()[-1].version == SCHEMA_VERSION


def test_each_migration_has_a_version_and_a_name_of_its_own():
    for migration in migrations():
        assert re.fullmatch(r"20\d{12}", migration.version)
        assert re.fullmatch(r"[a-z0-9_]+", migration.name)
    versions = [migration.version for migration in migrations()]
    assert len({*versions}) == len(versions)


def test_a_checksum_is_of_the_text():
    one, other = (Migration(version="1", name="n", sql=sql) for sql in ("SELECT 1", "SELECT 2"))

    assert one.checksum != other.checksum


# The statements of the services

_STATEMENT = re.compile(r"\s*(--.*\n\s*)*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s")


def service_modules() -> Iterator[ModuleType]:
    for package in (api_service, shared, worker_service):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def statements() -> dict[str, str]:
    return {
        f"{module.__name__}.{name}": value.text
        for module in service_modules()
        for name, value in vars(module).items()
        if isinstance(value, Statement)
    }


async def test_every_statement_of_the_services_fits_the_schema(database: Database):
    found = statements()

    async with database.connection() as connection:
        for name, statement in found.items():
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{name}: {error}") from error
    assert len(found) >= 20, sorted(found)


def test_every_statement_of_the_services_is_a_constant_of_its_module():
    for module in service_modules():
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        assignments = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
        at_the_top = {id(node) for top in assignments for node in ast.walk(top)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_statement = _STATEMENT.match(node.value)
                assert not is_statement or id(node) in at_the_top, f"{module}: {node.value}"


# The constraints

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


async def test_letters_of_the_first_schema_are_kept(empty_database_url: str, tmp_path: Path):
    for file in Path(migrations_package.__file__ or "").parent.glob("*.sql"):
        if file.name < "20261121000200":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    await migrate(empty_database_url, folder=tmp_path)
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


def migrations_before(version: str, folder: Path) -> Path:
    for file in Path(migrations_package.__file__ or "").parent.glob("*.sql"):
        if file.name < version:
            (folder / file.name).write_bytes(file.read_bytes())
    return folder


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
