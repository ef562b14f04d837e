"""Submits that come at the same time share a commit, and each keeps its own accepted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from api_service.generation_requests.columns import NewRequest
from api_service.generation_requests.submit import Accepted, Submissions
from schemas.messages import time_header
from schemas.states import Priority
from shared.errors import DatabaseUnavailable
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.outbox import Relay
from shared.postgres.database import Connection, Database
from tests.support.requests import row_of

pytestmark = pytest.mark.usefixtures("balanced")

DISPATCHED = "SELECT dispatch_request_id FROM outbox ORDER BY id"


def a_new_request(*, count: int = 1, entity_type: str = "sentence", text: str = "") -> NewRequest:
    return NewRequest(
        entity_type=entity_type,
        requested_count=count,
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


async def _submitted(
    submissions: Submissions, new_requests: Sequence[NewRequest]
) -> list[Accepted]:
    return await asyncio.gather(*(submissions.submit(new) for new in new_requests))


async def test_submits_at_once_share_a_commit_and_keep_what_each_has_asked(database: Database):
    counted = Counted(database)
    new_requests = [a_new_request(count=n, text=f"é{n}") for n in range(1, 11)]

    accepted = await _submitted(submissions_to(counted), new_requests)

    assert counted.statements == 1
    for new, each in zip(new_requests, accepted, strict=True):
        row = await row_of(database, each.request_id)
        assert row["requested_count"] == new.requested_count
        assert row["requested_at"] == each.requested_at
        assert f"é{new.requested_count}" in row["constraints"]
        assert f"é{new.requested_count}" in row["metadata"]
    dispatched = await database.fetch(DISPATCHED)
    assert {row["dispatch_request_id"] for row in dispatched} == {
        each.request_id for each in accepted
    }


async def test_the_time_of_a_dispatch_is_that_of_its_request(database: Database):
    (accepted,) = await _submitted(submissions_to(database), [a_new_request()])

    row = await database.fetchrow("SELECT header_names, header_values FROM outbox")

    assert row is not None
    headers = [*zip(row["header_names"], row["header_values"], strict=True)]
    assert headers[-1] == time_header(accepted.requested_at)


async def test_a_commit_whose_reply_was_lost_is_one_acceptance_and_one_dispatch(
    database: Database,
):
    counted = Counted(database)
    counted.deaf = 1

    accepted = await _submitted(submissions_to(counted), [a_new_request(), a_new_request()])

    assert counted.statements == 2
    for each in accepted:
        row = await row_of(database, each.request_id)
        assert row["requested_at"] == each.requested_at
    assert len(await database.fetch(DISPATCHED)) == 2


async def test_a_submit_that_cannot_be_stored_takes_no_neighbour_along(database: Database):
    submissions = submissions_to(database)
    new_requests = [a_new_request(), a_new_request(text="\x00"), a_new_request()]

    first, bad, last = await asyncio.gather(
        *(submissions.submit(new) for new in new_requests), return_exceptions=True
    )

    assert isinstance(bad, asyncpg.DataError)
    assert {row["dispatch_request_id"] for row in await database.fetch(DISPATCHED)} == {
        accepted.request_id for accepted in (first, last) if isinstance(accepted, Accepted)
    }
    assert len(await database.fetch(DISPATCHED)) == 2
