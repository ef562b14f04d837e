"""Messages come again, out of order, or to another worker: duplicates cost a statement each."""

import asyncio
from random import Random

import httpx

from shared.postgres.database import Database
from tests.services import workers_on
from tests.stack import Stack
from tests.support import invariants
from tests.support.client import settled, submit
from tests.support.invariants.watch import Watch
from tests.support.offsets import all_committed
from tests.support.providers import Scripted
from tests.support.redelivery import a_guest, deliver_twice_more, rewind
from tests.support.waiting import eventually

LEASE_SECONDS = 30.0
"""As deployed: what is shown here has nothing to do with leases."""

VERSIONS = "SELECT id, version, epoch FROM generation_requests ORDER BY id"


async def test_a_topic_that_is_rewound_doubled_and_shuffled_changes_nothing(
    api: httpx.AsyncClient, stack: Stack, database: Database
):
    provider = Scripted()
    async with workers_on(stack) as start:
        await start(provider)
        paths = [await submit(api, count=2) for _ in range(20)]
        before = [await settled(api, path) for path in paths]
        versions = await database.fetch(VERSIONS)
    assert await deliver_twice_more(stack, Random()) == 40
    assert await rewind(stack)

    async with workers_on(stack) as start:
        await start(provider)
        await eventually(lambda: all_committed(stack), what="everything is read again")

    assert len(provider.calls) == 40
    assert [await settled(api, path) for path in paths] == before
    assert await database.fetch(VERSIONS) == versions
    assert not await database.fetch("SELECT FROM dead_letters")
    await invariants.check_relayed(database)


async def test_a_group_that_is_rebalanced_all_the_time_makes_nothing_twice(
    api: httpx.AsyncClient, stack: Stack, database: Database
):
    provider = Scripted()
    watch = Watch(database, bootstrap_servers=stack.kafka, group=stack.group)
    watching = asyncio.create_task(watch.offsets())
    async with workers_on(stack) as start:
        for _ in range(2):
            await start(provider, lease_seconds=LEASE_SECONDS)
        paths: list[str] = []
        for _ in range(5):
            async with a_guest(stack):
                paths += [await submit(api, count=2) for _ in range(4)]
            paths += [await submit(api, count=2) for _ in range(4)]
        records = [await settled(api, path, within=60) for path in paths]
        await eventually(lambda: all_committed(stack), within=60)
    watching.cancel()

    assert {record["status"] for record in records} == {"completed"}
    assert len(provider.calls) == 80
    assert not watch.violations
    await invariants.check_relayed(database)
