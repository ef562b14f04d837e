"""What an unavailable database means for a submit is not what it means for a read."""

import httpx
import pytest
from fastapi import FastAPI

from api_service.http import problems
from shared.errors import DatabaseContended, DatabaseUnavailable


@pytest.mark.parametrize(
    ("method", "error", "detail"),
    [
        ("GET", DatabaseUnavailable("lost"), "The database is unavailable; try again."),
        (
            "POST",
            DatabaseUnavailable("lost"),
            "The database is unavailable. The request may or may not have been accepted.",
        ),
        (
            "DELETE",
            DatabaseUnavailable("lost"),
            "The database is unavailable. The change may or may not have been made.",
        ),
        (
            "DELETE",
            DatabaseContended("in use"),
            "The database is unavailable. The change was not made; try again.",
        ),
        (
            "POST",
            DatabaseContended("in use"),
            "The database is unavailable. The request was not accepted; try again.",
        ),
    ],
)
async def test_a_write_is_told_to_try_again_only_if_it_had_no_effect(
    method: str, error: DatabaseUnavailable, detail: str
):
    async def unavailable() -> None:
        raise error

    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.add_api_route("/things", unavailable, methods=[method])
    transport = httpx.ASGITransport(app=app)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.request(method, "/things")

    assert (answer.status_code, answer.json()["detail"]) == (503, detail)
