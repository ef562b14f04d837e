"""A worker that falls behind admits fewer provider calls, and all of them once it has caught up."""

import asyncio
import time
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from schemas.states import Priority
from shared.runtime.lag import measured_lag
from worker_service.generation.admission import (
    BEHIND_SECONDS,
    CAUGHT_UP_SECONDS,
    Admission,
    Limit,
)
from worker_service.generation.permits import PrioritySemaphore

BEHIND, BETWEEN, CAUGHT_UP = BEHIND_SECONDS * 1.1, CAUGHT_UP_SECONDS * 1.1, 0.0


def test_fewer_calls_are_admitted_than_a_worker_behind_has_in_flight():
    limit = Limit(most=1000, now=1000)

    assert limit.after(BEHIND, in_flight=1000).now == 900
    assert limit.after(BEHIND, in_flight=500).now == 450


def test_a_limit_is_not_lowered_again_before_it_is_met():
    limit = Limit(most=1000, now=900)

    assert limit.after(BEHIND, in_flight=950) == limit
    assert limit.after(BEHIND, in_flight=900).now == 810


def test_a_quarter_of_the_calls_is_always_admitted():
    limit = Limit(most=100, now=100)

    for _ in range(100):
        limit = limit.after(BEHIND, in_flight=limit.now)

    assert limit.now == 25
    assert Limit(most=1, now=1).after(BEHIND, in_flight=1).now == 1


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_a_worker_that_has_caught_up_admits_all_calls_again(most: int):
    limit = Limit(most=most, now=max(1, most // 10))

    for _ in range(60):
        limit = limit.after(CAUGHT_UP, in_flight=limit.now)

    assert not limit.is_lowered


def test_a_limit_stays_where_the_worker_can_just_keep_up():
    limit = Limit(most=1000, now=400)

    assert limit.after(BETWEEN, in_flight=400) == limit


async def test_permits_follow_the_lag_and_each_change_of_state_is_one_line():
    permits = PrioritySemaphore(10)
    for number in range(10):
        await permits.acquire(Priority.NORMAL, UUID(int=number))
    lags = iter([CAUGHT_UP, BEHIND, BEHIND, BEHIND, *[CAUGHT_UP] * 5])

    async def measure() -> float:
        return next(lags)

    admission, limits = Admission(permits, measure=measure), []
    with capture_logs() as lines:
        for _ in range(9):
            await admission.adjust()
            limits.append(permits.limit)
            if permits.in_use > permits.limit:
                permits.release()

    assert limits == [10, 9, 8, 7, 8, 9, 10, 10, 10]
    assert [line["event"] for line in lines] == ["admission_lowered", "admission_restored"]


async def test_the_lag_of_a_busy_loop_is_measured():
    async def be_busy() -> None:
        while True:
            time.sleep(0.15)  # noqa: ASYNC251 - what is measured
            await asyncio.sleep(0)

    busy = asyncio.create_task(be_busy())
    lag = await measured_lag()
    busy.cancel()

    assert lag > 0.03
