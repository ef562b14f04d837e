"""Submits that come at the same time share a commit, and each keeps its own promise."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from api_service.generation_requests.submit import Ask, Promise, Submissions
from schemas.states import Priority
from shared.errors import DatabaseUnavailable
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.outbox import Relay
from shared.postgres.database import Connection, Database
from tests.support.requests import row_of

pytestmark = pytest.mark.usefixtures("balanced")

DISPATCHED = "SELECT dispatch_request_id FROM outbox ORDER BY id"


def an_ask(*, count: int = 1, entity_type: str = "sentence", text: str = "") -> Ask:
    return Ask(
        entity_type=entity_type,
        count=count,
        constraints={"topic_tags": [text]} if text else {},
        metadata={"text": text} if text else None,
        priority=Priority.LOW,
        traceparent="00-1-1-00",
    )


def submissions_to(database: Database) -> Submissions:
    relay = Relay(database, Publisher("127.0.0.1:1", client_id="test"))
    return Submissions(database, relay, topics=Topics.with_prefix(""), deadline_seconds=60)


class Counted(Database):
    """The same pool, with its statements counted, and their replies lost while `deaf`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database._pool, patience=database.patience)  # noqa: SLF001
        self.statements = 0
        self.deaf = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        self.statements += 1
        async with super().connection() as connection:
            yield connection
        if self.deaf:
            self.deaf -= 1
            raise DatabaseUnavailable("the reply was lost")


async def _submitted(submissions: Submissions, asks: Sequence[Ask]) -> list[Promise]:
    return await asyncio.gather(*(submissions.submit(ask) for ask in asks))


async def test_submits_at_once_share_a_commit_and_keep_what_each_has_asked(database: Database):
    counted = Counted(database)
    asks = [an_ask(count=n, text=f"é{n}") for n in range(1, 11)]

    promises = await _submitted(submissions_to(counted), asks)

    assert counted.statements == 1
    for ask, promise in zip(asks, promises, strict=True):
        row = await row_of(database, promise.request_id)
        assert row["requested_count"] == ask.count
        assert row["requested_at"] == promise.requested_at
        assert f"é{ask.count}" in row["constraints"]
        assert f"é{ask.count}" in row["metadata"]
    dispatched = await database.fetch(DISPATCHED)
    assert {row["dispatch_request_id"] for row in dispatched} == {
        promise.request_id for promise in promises
    }


async def test_a_commit_whose_reply_was_lost_is_one_acceptance_and_one_dispatch(
    database: Database,
):
    counted = Counted(database)
    counted.deaf = 1

    promises = await _submitted(submissions_to(counted), [an_ask(), an_ask()])

    assert counted.statements == 2
    for promise in promises:
        assert (await row_of(database, promise.request_id))["requested_at"] == promise.requested_at
    assert len(await database.fetch(DISPATCHED)) == 2


async def test_a_submit_that_cannot_be_stored_takes_no_neighbour_along(database: Database):
    submissions = submissions_to(database)
    asks = [an_ask(), an_ask(text="\x00"), an_ask()]

    first, bad, last = await asyncio.gather(
        *(submissions.submit(ask) for ask in asks), return_exceptions=True
    )

    assert isinstance(bad, asyncpg.DataError)
    assert {row["dispatch_request_id"] for row in await database.fetch(DISPATCHED)} == {
        promise.request_id for promise in (first, last) if isinstance(promise, Promise)
    }
    assert len(await database.fetch(DISPATCHED)) == 2
