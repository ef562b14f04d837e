"""The API's metrics, with what PostgreSQL knows of the requests that are open."""

from fastapi import APIRouter, Request, Response

from api_service.routes import Road
from shared import metrics
from shared.database import Database
from shared.errors import DatabaseUnavailable
from shared.states import Priority

UNCLAIMED = """
SELECT priority, count(*) AS requests,
       greatest(extract(epoch FROM clock_timestamp() - min(not_before)), 0)::float8 AS oldest
  FROM generation_requests WHERE status = 'pending' GROUP BY priority"""

PROCESSING = "SELECT count(*) AS requests FROM generation_requests WHERE status = 'processing'"

OUTBOX = """
SELECT CASE WHEN parked_at IS NULL THEN 'waiting' ELSE 'parked' END AS state, count(*) AS waiting
  FROM outbox GROUP BY state"""

LETTERS = "SELECT reason, count(*) AS letters FROM dead_letters GROUP BY reason"

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
async def read_metrics(request: Request) -> Response:
    """Answer the metrics in the text format of Prometheus.

    While PostgreSQL does not answer, what it knows is left out and the rest is still served.
    """
    road: Road = request.app.state.road
    try:
        await _read_open(road.database)
    except DatabaseUnavailable:
        _forget_open()
    return Response(metrics.exposition(), media_type=metrics.MEDIA_TYPE)


async def _read_open(database: Database) -> None:
    _forget_open()
    unclaimed = await database.fetch(UNCLAIMED)
    for priority in Priority:
        metrics.REQUESTS_UNCLAIMED.labels(priority).set(0)
    for row in unclaimed:
        metrics.REQUESTS_UNCLAIMED.labels(row["priority"]).set(row["requests"])
    metrics.OLDEST_UNCLAIMED.set(max((row["oldest"] for row in unclaimed), default=0))
    for row in await database.fetch(PROCESSING):
        metrics.REQUESTS_PROCESSING.set(row["requests"])
    for row in await database.fetch(OUTBOX):
        metrics.OUTBOX_ROWS.labels(row["state"]).set(row["waiting"])
    for row in await database.fetch(LETTERS):
        metrics.DEAD_LETTERS.labels(row["reason"]).set(row["letters"])


def _forget_open() -> None:
    metrics.REQUESTS_UNCLAIMED.clear()
    metrics.OUTBOX_ROWS.clear()
    metrics.DEAD_LETTERS.clear()
    for gauge in (metrics.REQUESTS_PROCESSING, metrics.OLDEST_UNCLAIMED):
        gauge.set(float("nan"))
