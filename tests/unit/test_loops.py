"""Loops go on, whatever an iteration of theirs meets."""

import asyncio
from contextlib import suppress

import pytest

from shared.errors import DatabaseUnavailable
from shared.runtime.loops import repeat


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), KeyError("a bug")])
async def test_a_pass_that_raises_is_followed_by_another(error: Exception):
    passes = 0
    done = asyncio.Event()

    async def step() -> None:
        nonlocal passes
        passes += 1
        if passes == 1:
            raise error
        done.set()

    looping = asyncio.create_task(repeat(step, name="test", every=0))
    async with asyncio.timeout(5):
        await done.wait()
    await _ended(looping)


async def test_the_next_pass_comes_sooner_when_it_is_told_so_and_only_once():
    passes: asyncio.Queue[None] = asyncio.Queue()
    sooner = asyncio.Event()

    async def step() -> None:
        passes.put_nowait(None)

    looping = asyncio.create_task(repeat(step, name="test", every=3600, sooner=sooner))
    async with asyncio.timeout(5):
        await passes.get()
        sooner.set()
        await passes.get()
    assert not sooner.is_set()
    assert passes.empty()
    await _ended(looping)


async def test_what_was_told_during_a_pass_is_not_missed():
    sooner, passes = asyncio.Event(), 0
    done = asyncio.Event()

    async def step() -> None:
        nonlocal passes
        passes += 1
        if passes == 1:
            sooner.set()
        else:
            done.set()

    looping = asyncio.create_task(repeat(step, name="test", every=3600, sooner=sooner))
    async with asyncio.timeout(5):
        await done.wait()
    await _ended(looping)
