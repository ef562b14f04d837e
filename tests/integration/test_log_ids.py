"""The lines of a request, in the logs of both services, are found by its trace and caller's id."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.support.client import settled
from tests.support.providers import Scripted
from tests.support.waiting import eventually
from worker_service.providers import TransientError

pytestmark = pytest.mark.usefixtures("balanced_services")

Line = dict[str, Any]

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs([merge_contextvars]) as captured:
        yield captured


async def _submit(api: httpx.AsyncClient, **headers: str) -> str:
    answer = await api.post(
        "/generation-requests",
        json={"entity_type": "sentence", "count": 2, "constraints": {}},
        headers=headers,
    )
    assert answer.status_code == 202
    return answer.headers["Location"].rpartition("/")[2]


def _busy_at_first(provider: Scripted) -> Exception | None:
    is_first = len(provider.calls) == 1
    return TransientError(ErrorCode.RATE_LIMITED, "busy") if is_first else None


async def test_every_line_of_a_request_has_its_trace(
    api: httpx.AsyncClient, start_worker: StartWorker, lines: list[Line]
):
    provider = Scripted(lambda _: _busy_at_first(provider))
    await start_worker(provider)

    request_id = await _submit(api, traceparent=TRACEPARENT)
    await eventually(lambda: bool(provider.calls))  # the first call, which fails, is its
    other_id = await _submit(api)
    for each in (request_id, other_id):
        await settled(api, f"/generation-requests/{each}")

    told = [line for line in lines if line.get("request_id") == request_id]
    assert {line["event"] for line in told} >= {
        "request_accepted",
        "request_claimed",
        "provider_call_failed",
        "attempt_finished",
        "request_settled",
    }
    assert {line.get("trace_id") for line in told} == {TRACE_ID}
    others = {line.get("trace_id") for line in lines if line.get("request_id") == other_id}
    assert len(others) == 1
    assert others.isdisjoint({TRACE_ID, None})


async def test_a_failed_call_is_logged_with_its_model_and_epoch(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database, lines: list[Line]
):
    request_id = await _submit(api)
    await database.execute("UPDATE generation_requests SET model = 'small'")
    provider = Scripted(lambda _: _busy_at_first(provider))
    await start_worker(provider)

    await settled(api, f"/generation-requests/{request_id}")

    (failed,) = (line for line in lines if line["event"] == "provider_call_failed")
    assert (failed["provider"], failed["model"], failed["epoch"]) == ("demo", "small", 1)


async def test_an_accepted_request_is_found_by_its_callers_id(
    api: httpx.AsyncClient, lines: list[Line]
):
    request_id = await _submit(api, **{"X-Request-Id": "edge-1"})

    (accepted,) = (line for line in lines if line["event"] == "request_accepted")
    assert (accepted["request_id"], accepted["http_request_id"]) == (request_id, "edge-1")
