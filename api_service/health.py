"""Whether this process lives, and whether it should be sent requests."""

from typing import Literal, TypeAlias

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api_service.context import Context
from api_service.http.answers import QUERY_PROBLEM
from api_service.http.strict_json import StrictRoute
from shared.kafka.publisher import Publisher

router = APIRouter(route_class=StrictRoute, tags=["health"])


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"]


Kafka: TypeAlias = Literal["up", "topic_missing", "down"]


class Readiness(BaseModel):
    """Whether the process can accept requests; it can while only Kafka is down."""

    status: Literal["ready", "degraded", "draining", "unavailable"]
    database: Literal["up", "down"]
    kafka: Kafka


@router.get("/livez", summary="Tell whether the process answers", responses=QUERY_PROBLEM)
async def check_liveness() -> Liveness:
    """Answer while the process runs."""
    return Liveness(status="alive")


@router.get(
    "/readyz",
    summary="Tell whether requests can be accepted",
    responses={503: {"model": Readiness, "description": "Not now."}, **QUERY_PROBLEM},
)
async def check_readiness(context: Context, response: Response) -> Readiness:
    """Answer 200 while requests can be accepted: degraded when only Kafka or a topic is missing."""
    kafka = _kafka(context.publisher)
    if not await context.submissions.accept_check.passes():
        response.status_code = 503
        return Readiness(status="unavailable", database="down", kafka=kafka)
    if context.draining.is_set():
        response.status_code = 503
        return Readiness(status="draining", database="up", kafka=kafka)
    status: Literal["ready", "degraded"] = "ready" if kafka == "up" else "degraded"
    return Readiness(status=status, database="up", kafka=kafka)


def _kafka(publisher: Publisher) -> Kafka:
    if not publisher.reachable:
        return "down"
    return "topic_missing" if publisher.missing_topics else "up"
