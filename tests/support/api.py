"""The API service inside the test's own process, told what a test wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import httpx

from api_service.app import create_app, opened
from api_service.config import ApiSettings
from tests.support.waiting import eventually

Json = dict[str, Any]


@asynccontextmanager
async def api_told(
    settings: ApiSettings, *, with_kafka: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve as `settings` say and lend a client, once Kafka is reached if it is there."""
    async with opened(settings) as road:
        if with_kafka:
            await eventually(lambda: road.publisher.reachable)
        transport = httpx.ASGITransport(app=create_app(road))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def problem_of(answer: httpx.Response, status: int) -> Json:
    """Check that the answer is a problem of this status, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem: Json = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["code"]
    assert unquote(problem["instance"]) == answer.request.url.path
    return problem


def faults_of(answer: httpx.Response) -> dict[str, str]:
    """Return what a 422 says, by the place that it says it of."""
    return {
        fault.get("pointer") or fault["parameter"]: fault["detail"]
        for fault in problem_of(answer, 422)["errors"]
    }
