"""Whether this process lives, and whether it should be sent requests."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api_service.context import Context
from shared.errors import DatabaseUnavailable
from shared.postgres.database import APPLIED, SCHEMA_VERSION

router = APIRouter(tags=["health"])


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether the process can accept requests; it can while only Kafka is down."""

    status: Literal["ready", "degraded", "draining", "unavailable"]
    database: Literal["up", "down"]
    kafka: Literal["up", "down"]


@router.get("/livez")
async def livez() -> Liveness:
    """Answer while the process runs."""
    return Liveness()


@router.get("/readyz", responses={503: {"model": Readiness}})
async def readyz(context: Context, response: Response) -> Readiness:
    """Answer 200 while requests can be accepted: degraded when only Kafka is down."""
    kafka: Literal["up", "down"] = "up" if context.publisher.reachable else "down"
    try:
        await APPLIED.fetchrow(context.database, version=SCHEMA_VERSION)
    except DatabaseUnavailable:
        response.status_code = 503
        return Readiness(status="unavailable", database="down", kafka=kafka)
    if context.draining.is_set():
        response.status_code = 503
        return Readiness(status="draining", database="up", kafka=kafka)
    status: Literal["ready", "degraded"] = "ready" if kafka == "up" else "degraded"
    return Readiness(status=status, database="up", kafka=kafka)
