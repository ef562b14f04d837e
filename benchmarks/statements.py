"""What PostgreSQL executed, by `pg_stat_statements`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from benchmarks.servers import Stack, connected
from shared.sql import Statement

QueryId: TypeAlias = int
"""What PostgreSQL calls all texts by that mean one statement."""

_EXECUTED = """
SELECT queryid, min(query) AS query, sum(calls)::int AS calls, sum(rows)::int AS rows,
       sum(total_exec_time)::float8 AS milliseconds
  FROM pg_stat_statements JOIN pg_database AS database ON database.oid = dbid
 WHERE database.datname = $1 GROUP BY queryid"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """How often a statement was executed, for how many rows, and how long that took."""

    query: str
    calls: int
    rows: int
    milliseconds: float


async def executed(stack: Stack) -> Mapping[QueryId, Executed]:
    """Return what the sessions of a stack executed since `forget`."""
    async with connected(stack.server_url) as server:
        rows = await server.fetch(_EXECUTED, urlsplit(stack.database_url).path[1:])
    return {
        row["queryid"]: Executed(
            query=row["query"],
            calls=row["calls"],
            rows=row["rows"],
            milliseconds=row["milliseconds"],
        )
        for row in rows
    }


async def forget(stack: Stack) -> None:
    """Begin to count from nothing."""
    async with connected(stack.server_url) as server:
        await server.execute("SELECT pg_stat_statements_reset()")


async def identify(stack: Stack, statement: Statement) -> QueryId:
    """Ask PostgreSQL what it calls a statement."""
    async with connected(stack.database_url) as database:
        asked = await database.prepare(
            f"EXPLAIN (VERBOSE, GENERIC_PLAN, FORMAT JSON) {statement.text}"
        )
        plan = await asked.fetchval(*[None for _ in asked.get_parameters()])
    found: QueryId = json.loads(plan)[0]["Query Identifier"]
    return found
