"""The schema and the session that the services rely on, waited for at their start."""

import asyncio
from contextlib import suppress

import asyncpg

from shared.errors import DatabaseUnavailable
from shared.postgres.database import Connection, Database, is_refused_for_good
from shared.postgres.limits import Limits
from shared.postgres.pooling import REMEDY, Pooling
from shared.sql import sql

SCHEMA_VERSION = "20261128000400"
"""The newest migration that the services rely on."""

APPLIED = sql("SELECT 1 FROM schema_migrations WHERE version >= :version LIMIT 1")
PID = sql("SELECT pg_backend_pid() AS pid")
PLACE = sql("SELECT format('%I IN DATABASE %I', current_user, current_database()) AS place")

_AGAIN_SECONDS = 0.5


async def wait_for_schema(database: Database, *, seconds: float) -> None:
    """Wait until the schema is at least the one that the services rely on.

    Raises:
        SystemExit: it was not within `seconds`, or a setting can never work; the message is one
            line for the operator.
    """
    problem = "PostgreSQL, at DATABASE_URL, cannot be reached"
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                try:
                    await _check_session(database)
                    if await APPLIED.fetchrow(database, version=SCHEMA_VERSION):
                        return
                    problem = f"the schema is older than {SCHEMA_VERSION}: run `make migrate`"
                except asyncpg.UndefinedTableError:
                    problem = "the schema is missing: run `make migrate`"
                except DatabaseUnavailable as error:
                    problem = f"PostgreSQL, at DATABASE_URL, cannot be reached: {error}"
                # asyncpg, or the server, refuses what the address asks for only at a connection.
                except (ValueError, asyncpg.PostgresError) as error:
                    raise SystemExit(_refusal(error)) from None
                await asyncio.sleep(_AGAIN_SECONDS)
    raise SystemExit(f"{problem} (waited {seconds:g} s)")


def _refusal(error: Exception) -> str:
    reason = " ".join(str(error).split())
    remedy = f": {REMEDY}" if is_refused_for_good(error) else ""
    return f"wrong setting: DATABASE_URL: {reason}{remedy}"


async def _check_session(database: Database) -> None:
    """Look whether a pooler is where none was said to be, and whether the limits hold.

    Raises:
        SystemExit: a setting is wrong, in one line.
    """
    async with database.transaction() as connection:
        if database.pooling is Pooling.NONE and await _is_pooled(connection):
            raise SystemExit(f"wrong setting: DATABASE_URL: it leads to a pooler: {REMEDY}")
        loose = await Limits.within(database.patience).unheld(connection)
        if loose:
            row = await PLACE.fetchrow(connection)
            place = row["place"] if row else ""
            orders = " ".join(f"ALTER ROLE {place} SET {of} = '{to}';" for of, to in loose.items())
            raise SystemExit(
                "wrong setting: DATABASE_URL: limits of the session do not hold behind the pooler: "
                f"run `{orders}` and let the pooler reconnect"
            )


async def _is_pooled(connection: Connection) -> bool:
    """Whether another process runs our statements than the one that took our connection."""
    row = await PID.fetchrow(connection)
    return row is not None and row["pid"] != connection.get_server_pid()
