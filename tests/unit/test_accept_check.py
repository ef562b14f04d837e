"""What `/readyz` tries: one try for all who ask, whatever becomes of it and of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from api_service.generation_requests import accept_check
from api_service.generation_requests.accept_check import AcceptCheck
from shared.errors import DatabaseUnavailable
from shared.postgres.database import Database


class ScriptedDatabase:
    """A database whose transactions wait for `answers`, and then succeed or raise `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.answers = asyncio.Event()
        self.begun = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self.begun += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        yield self

    async def execute(self, *_: object) -> None:
        pass


def a_check(database: ScriptedDatabase) -> AcceptCheck:
    return AcceptCheck(cast("Database", database))


async def asked(check: AcceptCheck, times: int) -> list[asyncio.Task[bool]]:
    """Let so many ask at the same time, up to where they wait."""
    asking = [asyncio.create_task(check.passes()) for _ in range(times)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return asking


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (None, True),
        (DatabaseUnavailable("no answer within 3 s"), False),
        (asyncpg.InsufficientPrivilegeError("permission denied"), False),
        (RuntimeError("a bug"), False),
    ],
    ids=["success", "outage", "missing privilege", "bug"],
)
async def test_all_who_ask_within_two_seconds_share_a_try(error: Exception | None, passes: bool):  # noqa: FBT001 - what is expected
    database = ScriptedDatabase(error)
    check = a_check(database)

    asking = await asked(check, 3)
    database.answers.set()
    answers = [*await asyncio.gather(*asking), await check.passes()]

    assert (answers, database.begun) == ([passes] * 4, 1)


async def test_a_try_that_takes_longer_than_two_seconds_is_shared_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(accept_check, "_SHARED_SECONDS", 0.0)
    database = ScriptedDatabase()
    check = a_check(database)

    asking = [*await asked(check, 1), *await asked(check, 1)]
    database.answers.set()

    assert (await asyncio.gather(*asking), database.begun) == ([True, True], 1)


async def test_a_new_try_is_made_two_seconds_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accept_check, "_SHARED_SECONDS", 0.0)
    database = ScriptedDatabase(DatabaseUnavailable("gone"))
    database.answers.set()
    check = a_check(database)
    assert not await check.passes()

    database.error = None

    assert await check.passes()


@pytest.mark.parametrize("error", [None, RuntimeError("a bug")], ids=["success", "failure"])
async def test_a_try_goes_on_for_the_others_when_the_one_who_began_it_leaves(
    error: Exception | None,
):
    database = ScriptedDatabase(error)
    check = a_check(database)
    leaving, staying = await asked(check, 2)

    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    database.answers.set()

    assert (await staying, database.begun) == (error is None, 1)
    assert leaving.cancelled()


async def test_a_try_that_everyone_has_left_leaves_its_answer():
    database = ScriptedDatabase(RuntimeError("a bug"))
    check = a_check(database)
    (leaving,) = await asked(check, 1)

    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    database.answers.set()

    assert (await check.passes(), database.begun) == (False, 1)
