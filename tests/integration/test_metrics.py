"""What the two services measure."""

import asyncio
import platform
import time
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.errors import ErrorCode
from shared.kafka.publisher import Publisher
from shared.postgres.database import Database
from shared.runtime.metrics import WORKER, exposition
from shared.version import VERSION
from tests.services import StartWorker
from tests.support.client import settled, submit
from tests.support.providers import Scripted
from tests.support.requests import Claimer, a_request
from worker_service.claims.circuit import Admission, BreakerPolicy, Breakers
from worker_service.claims.slots import Slots
from worker_service.health import create_app

pytestmark = pytest.mark.usefixtures("balanced_services")

OF_BOTH = (
    "generation_build_info",
    "generation_database_",
    "generation_dependency_up",
    "generation_event_loop_lag_seconds",
    "generation_process_",
)

Samples = dict[tuple[str, tuple[str, ...]], float]


async def _scraped(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return _samples(answer.text)


def _samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def _scraped_of_both(api: httpx.AsyncClient) -> Samples:
    """Read what the API serves, and what a worker in this process would."""
    return await _scraped(api) | _samples(exposition(WORKER).decode())


async def test_the_api_tells_what_is_open(api: httpx.AsyncClient, database: Database):
    await a_request(database, priority="low", age=100)
    await a_request(database, priority="low", age=5)
    await Claimer(database, lease_seconds=60).claim(await a_request(database))

    samples = await _scraped(api)

    assert samples["generation_requests_unclaimed", ("low",)] == 2
    assert samples["generation_requests_unclaimed", ("high",)] == 0
    assert samples["generation_requests_processing", ()] == 1
    assert 100 <= samples["generation_requests_oldest_unclaimed_seconds", ()] < 160
    assert samples["generation_outbox_rows", ("parked",)] == 0


async def test_scrapes_at_the_same_time_all_tell_everything(
    api: httpx.AsyncClient, database: Database
):
    await a_request(database, priority="low")

    async def scrape_often() -> list[Samples]:
        return [await _scraped(api) for _ in range(20)]

    for scrapes in await asyncio.gather(*(scrape_often() for _ in range(3))):
        for scrape in scrapes:
            assert scrape["generation_requests_unclaimed", ("low",)] == 1
            assert scrape["generation_requests_processing", ()] == 0


async def test_a_service_serves_the_metrics_that_it_knows_something_of(api: httpx.AsyncClient):
    of_the_api = {name for name, _ in await _scraped(api)}
    of_a_worker = {name for name, _ in _samples(exposition(WORKER).decode())}

    assert "generation_requests_processing" in of_the_api
    assert "generation_requests_in_flight" in of_a_worker
    assert {name for name in of_the_api & of_a_worker if not name.startswith(OF_BOTH)} == set()
    assert {
        name for name in of_the_api | of_a_worker if not name.startswith("generation_")
    } == set()
    assert not [name for name in of_the_api | of_a_worker if name.endswith("_created")]


async def test_a_request_is_counted_from_its_acceptance_to_its_settling(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    names = (
        ("generation_requests_accepted_total", ("sentence", "high")),
        ("generation_requests_settled_total", ("sentence", "completed")),
        ("generation_requests_claimed_total", ("ordinary",)),
        ("generation_items_succeeded_total", ("sentence",)),
        ("generation_provider_calls_total", ("ok", "demo")),
    )
    before = await _scraped_of_both(api)
    await start_worker(Scripted())

    await settled(api, await submit(api, count=2, priority="high"))

    after = await _scraped_of_both(api)
    risen = {name: after[name] - before.get(name, 0.0) for name in names}
    assert list(risen.values()) == [1, 1, 1, 2, 2]


async def test_the_worker_serves_its_metrics(database: Database):
    breakers = Breakers(BreakerPolicy(failures=1))
    circuit = breakers.circuit("demo", credential="", model=None)
    admission = circuit.admit(0.0)
    assert isinstance(admission, Admission)
    circuit.failed(admission, ErrorCode.AUTH, now=time.monotonic())
    publisher = cast("Publisher", SimpleNamespace(reachable=False))
    app = create_app(database, publisher, slots=Slots(3), breakers=breakers)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        samples = await _scraped(client)

    assert samples["generation_requests_in_flight", ()] == 0
    assert samples["generation_provider_circuits", ("demo", "open")] == 1
    assert samples["generation_provider_circuits", ("demo", "closed")] == 0
    assert samples["generation_dependency_up", ("kafka",)] == 0
    assert samples["generation_dependency_up", ("postgresql",)] == 1
    assert samples["generation_database_connections_limit", ()] >= 2
    assert samples["generation_process_open_fds", ()] > 0
    assert samples["generation_build_info", (platform.python_version(), VERSION)] == 1
