"""One request kills whatever worker touches it; the hundred beside it do not pay for it."""

import asyncio

import httpx
import pytest

from shared.postgres.database import Database
from tests.support.client import settled, submit
from tests.support.processes import Services
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("balanced_services")

OPEN = "SELECT count(*) AS open FROM generation_requests WHERE completed_at IS NULL"


async def test_one_killer_among_a_hundred_is_given_up_alone(
    services: Services, api: httpx.AsyncClient, database: Database
):
    restarting = asyncio.create_task(_restart_for_ever(services))
    innocent = [await submit(api) for _ in range(50)]
    killer = await submit(api, constraints={"topic_tags": ["killer"]})
    innocent += [await submit(api) for _ in range(50)]

    async def all_settled() -> bool:
        row = await database.fetchrow(OPEN)
        return row is not None and row["open"] == 0

    await eventually(all_settled, within=90)
    restarting.cancel()
    record = await settled(api, killer)
    assert (record["status"], record["error"]["code"]) == ("failed", "crash_loop")
    for path in innocent:
        assert (await settled(api, path))["status"] == "completed"


async def _restart_for_ever(services: Services) -> None:
    """Do what an orchestrator does."""
    while True:
        worker = services.start_worker(
            "tests.support.killer_worker", lease_seconds=2, demo_latency_seconds=0.2
        )
        await worker.exit_status(within=90)
