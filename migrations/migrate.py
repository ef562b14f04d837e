"""Apply the SQL files that the database does not have yet; safe when several start at once."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from shared.postgres.refusals import reason_of, refusal_of, text_of

_FOLDER = Path(__file__).parent
_LOCK = 7_215_340_912  # any number that no one else takes advisory locks on

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    text PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""

_POOLED = (
    "wrong setting: DATABASE_URL: it leads to a pooler: "
    "set MIGRATIONS_DATABASE_URL to the address of PostgreSQL itself"
)
_NOT_NOW = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)


class MigrationFailed(Exception):
    """The schema cannot be brought up to date; the message says why in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file: `<version>_<name>.sql`, never edited once it was applied anywhere."""

    version: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the file's text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = _FOLDER) -> list[Migration]:
    """Return the migrations of the folder in the order of their versions."""
    return [_read(file) for file in sorted(folder.glob("*.sql"))]


def _read(file: Path) -> Migration:
    version, _, name = file.stem.partition("_")
    return Migration(version=version, name=name, sql=file.read_text(encoding="utf-8"))


async def migrate(
    url: str,
    *,
    password: Callable[[], str] | None = None,
    wait_seconds: float = 20,
    folder: Path = _FOLDER,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Migration]:
    """Apply what is missing, one transaction for each file, and return what was applied.

    `tell` is told once what is waited for.

    Starters take turns by polling an advisory lock: a blocking lock would hold a snapshot that
    CREATE INDEX CONCURRENTLY waits for.

    Raises:
        MigrationFailed: PostgreSQL could not be reached, a pooler stands before it, another
            starter held the lock for `wait_seconds`, an applied file was edited since, or a file
            was refused.
    """
    connection = await _connect(url, password, wait_seconds=wait_seconds, tell=tell)
    try:
        if connection.get_server_pid() != await connection.fetchval("SELECT pg_backend_pid()"):
            raise MigrationFailed(_POOLED)
        await _take_turn(connection, wait_seconds=wait_seconds)
        await connection.execute("SET lock_timeout = '5s'")
        await connection.execute(_HISTORY)
        return [m for m in migrations(folder) if await _apply(connection, m)]
    finally:
        await connection.close(timeout=5)


async def _connect(
    url: str,
    password: Callable[[], str] | None,
    *,
    wait_seconds: float,
    tell: Callable[[str], None],
) -> "asyncpg.Connection[asyncpg.Record]":
    deadline = asyncio.get_running_loop().time() + wait_seconds
    has_told = False
    while True:
        try:
            return await asyncpg.connect(url, password=password, timeout=5)
        except (*_NOT_NOW, asyncpg.PostgresError, ValueError) as error:
            if not _may_pass(error):
                reason = refusal_of(error) or text_of(error)
                raise MigrationFailed(f"wrong setting: DATABASE_URL: {reason}") from error
            if not has_told:
                has_told = True
                tell(f"waiting for PostgreSQL: {reason_of(error)}")
            if asyncio.get_running_loop().time() > deadline:
                raise MigrationFailed(
                    f"PostgreSQL, at DATABASE_URL, cannot be reached: {reason_of(error)}"
                ) from error
            await asyncio.sleep(0.3)


def _may_pass(error: Exception) -> bool:
    """Whether the next try may find PostgreSQL, which is starting or has just gone away."""
    is_lost = isinstance(error, asyncpg.ConnectionDoesNotExistError) and refusal_of(error) is None
    return is_lost or isinstance(error, _NOT_NOW)


async def _take_turn(
    connection: "asyncpg.Connection[asyncpg.Record]", *, wait_seconds: float
) -> None:
    try:
        async with asyncio.timeout(wait_seconds):
            while True:
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                    return
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise MigrationFailed(f"another migration ran for over {wait_seconds:g} s") from error


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> bool:
    applied = await connection.fetchval(
        "SELECT checksum FROM schema_migrations WHERE version = $1", migration.version
    )
    if applied == migration.checksum:
        return False
    if applied is not None:
        raise MigrationFailed(f"{migration.version}_{migration.name}.sql was edited after use")
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.checksum,
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        file = f"{migration.version}_{migration.name}.sql"
        raise MigrationFailed(f"{file}: {text_of(error)}") from error
    return True
