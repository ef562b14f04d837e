"""Every error is a problem."""

from types import SimpleNamespace
from typing import cast

import httpx

from api_service.app import create_app
from api_service.context import AppContext
from tests.support.api import problem_of

UNKNOWN = "/generation-requests/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"


async def test_a_bug_is_a_problem_that_tells_nothing_of_the_inside():
    half_a_way = cast("AppContext", SimpleNamespace(settings=SimpleNamespace(api_prefix="")))
    transport = httpx.ASGITransport(app=create_app(half_a_way), raise_app_exceptions=False)

    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        problem = problem_of(await client.get(UNKNOWN), 500)

    assert problem["code"] == "unexpected"
    assert "SimpleNamespace" not in str(problem)
