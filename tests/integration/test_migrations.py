"""The migrator applies each file once, in order, and says what keeps it from that."""

import asyncio
import re
from pathlib import Path

import asyncpg
import pytest

from migrations.migrate import Migration, MigrationFailed, migrate, migrations
from shared.postgres.schema import SCHEMA_VERSION
from tests.support.rows import rows_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations of a small schema."""
    (tmp_path / "20260101000000_first.sql").write_text(
        "CREATE TABLE things (id int PRIMARY KEY);\nINSERT INTO things VALUES (1);"
    )
    (tmp_path / "20260102000000_second.sql").write_text("INSERT INTO things VALUES (2);")
    return tmp_path


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


async def test_a_server_that_goes_away_in_the_middle_is_no_wrong_setting():
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        with pytest.raises(MigrationFailed, match="cannot be reached: ConnectionDoesNotExistError"):
            await migrate(f"postgresql://me@{host}:{port}/x?sslmode=disable", wait_seconds=0)
