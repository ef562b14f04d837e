"""A run ends its blocks early: `stop` those that have not begun, `abort` all."""

import asyncio

import pytest

from tests.support.requests import a_run
from worker_service.claims.run import Run


async def a_block(run: Run, *, has_begun: bool = False) -> asyncio.Task[None]:
    """Start a task that waits in a block of the run for as long as it may."""

    async def wait() -> None:
        async with run.interruptible() as block:
            block.has_begun = has_begun
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    return task


async def test_a_stop_ends_what_has_not_begun_and_leaves_the_rest_alone():
    run = a_run()
    waiting, calling = await a_block(run), await a_block(run, has_begun=True)

    run.stop()

    with pytest.raises(TimeoutError):
        await waiting
    assert not calling.done()
    calling.cancel()


@pytest.mark.parametrize("has_begun", [True, False])
async def test_an_abort_ends_everything(has_begun: bool):  # noqa: FBT001
    run = a_run()
    block = await a_block(run, has_begun=has_begun)

    run.abort()

    with pytest.raises(TimeoutError):
        await block


async def test_an_abort_may_follow_a_stop_before_the_block_has_ended():
    run = a_run()
    block = await a_block(run)

    run.stop()
    await asyncio.sleep(0)  # the timeout expires here, and its task has not run since
    assert not block.done()
    run.abort()

    with pytest.raises(TimeoutError):
        await block


async def test_a_block_that_has_ended_is_left_alone():
    run = a_run()
    async with run.interruptible():
        pass

    run.abort()
