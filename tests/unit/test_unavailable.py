"""What an unavailable database means for a submit is not what it means for a read."""

import httpx
import pytest
from fastapi import FastAPI

from api_service.http import problems
from shared.errors import DatabaseUnavailable


async def unavailable() -> None:
    raise DatabaseUnavailable("it refuses")


@pytest.mark.parametrize(
    ("method", "detail"),
    [
        ("GET", "The database is unavailable; try again."),
        (
            "POST",
            "The database is unavailable. The request may or may not have been accepted.",
        ),
    ],
)
async def test_only_a_read_is_told_to_try_again(method: str, detail: str):
    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.add_api_route("/things", unavailable, methods=[method])
    transport = httpx.ASGITransport(app=app)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.request(method, "/things")

    assert (answer.status_code, answer.json()["detail"]) == (503, detail)
