"""The API's metrics, with what PostgreSQL knows of the requests that are open."""

from dataclasses import dataclass

from asyncpg import Record
from fastapi import APIRouter, Response

from api_service.context import Context
from api_service.http.answers import QUERY_PROBLEM
from api_service.http.strict_json import StrictRoute
from schemas.dead_letters import Reason
from schemas.states import Priority
from shared.errors import DatabaseUnavailable
from shared.postgres.database import Database
from shared.runtime import metrics
from shared.runtime.surroundings import show_surroundings
from shared.sql import sql

UNCLAIMED = sql("""
SELECT priority, count(*) AS requests,
       greatest(extract(epoch FROM clock_timestamp() - min(not_before)), 0)::float8 AS oldest
  FROM generation_requests WHERE status = 'pending' GROUP BY priority""")

PROCESSING = sql("SELECT count(*) AS requests FROM generation_requests WHERE status = 'processing'")

OUTBOX = sql("""
SELECT CASE WHEN parked_at IS NULL THEN 'waiting' ELSE 'parked' END AS state, count(*) AS waiting
  FROM outbox GROUP BY state""")

DEAD_LETTERS = sql("SELECT reason, count(*) AS dead_letters FROM dead_letters GROUP BY reason")

router = APIRouter(route_class=StrictRoute, tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    summary="Read the metrics",
    responses={
        200: {
            "description": "The metrics.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **QUERY_PROBLEM,
    },
)
async def read_metrics(context: Context) -> Response:
    """Answer the metrics in the text format of Prometheus.

    While PostgreSQL does not answer, what it knows is left out and the rest is still served.
    """
    show_surroundings(context.database, context.publisher)
    try:
        found = await _find_open(context.database)
    except DatabaseUnavailable:
        found = None
    _forget_open()
    if found:
        _show_open(found)
    return Response(metrics.exposition(metrics.API), media_type=metrics.MEDIA_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """What PostgreSQL knows, read as a whole: several may scrape at a time."""

    unclaimed: list[Record]
    processing: list[Record]
    outbox: list[Record]
    dead_letters: list[Record]


async def _find_open(database: Database) -> _Open:
    return _Open(
        unclaimed=await UNCLAIMED.fetch(database),
        processing=await PROCESSING.fetch(database),
        outbox=await OUTBOX.fetch(database),
        dead_letters=await DEAD_LETTERS.fetch(database),
    )


def _show_open(found: _Open) -> None:
    for priority in Priority:
        metrics.REQUESTS_UNCLAIMED.labels(priority).set(0)
    for row in found.unclaimed:
        metrics.REQUESTS_UNCLAIMED.labels(row["priority"]).set(row["requests"])
    metrics.OLDEST_UNCLAIMED.set(max((row["oldest"] for row in found.unclaimed), default=0))
    for row in found.processing:
        metrics.REQUESTS_PROCESSING.set(row["requests"])
    for state in ("waiting", "parked"):
        metrics.OUTBOX_ROWS.labels(state).set(0)
    for row in found.outbox:
        metrics.OUTBOX_ROWS.labels(row["state"]).set(row["waiting"])
    for reason in Reason:
        metrics.DEAD_LETTERS.labels(reason).set(0)
    for row in found.dead_letters:
        metrics.DEAD_LETTERS.labels(row["reason"]).set(row["dead_letters"])


def _forget_open() -> None:
    metrics.REQUESTS_UNCLAIMED.clear()
    metrics.OUTBOX_ROWS.clear()
    metrics.DEAD_LETTERS.clear()
    for gauge in (metrics.REQUESTS_PROCESSING, metrics.OLDEST_UNCLAIMED):
        gauge.set(float("nan"))
