"""What the two services measure."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.database import Database
from tests.services import StartWorker
from tests.support.providers import Scripted
from tests.support.requests import Claimer, a_request
from tests.support.road import settled, submit
from worker_service.health import create_app
from worker_service.in_flight import InFlight

pytestmark = pytest.mark.usefixtures("balanced_road")

Samples = dict[tuple[str, tuple[str, ...]], float]


async def _scraped(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_the_api_tells_what_is_open(api: httpx.AsyncClient, database: Database):
    await a_request(database, priority="low", age=100)
    await a_request(database, priority="low", age=5)
    await Claimer(database, lease_seconds=60).claim(await a_request(database))

    samples = await _scraped(api)

    assert samples["generation_requests_unclaimed", ("low",)] == 2
    assert samples["generation_requests_unclaimed", ("high",)] == 0
    assert samples["generation_requests_processing", ()] == 1
    assert 100 <= samples["generation_requests_oldest_unclaimed_seconds", ()] < 160


async def test_a_request_is_counted_from_its_acceptance_to_its_settling(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    names = (
        ("generation_requests_accepted_total", ("sentence", "high")),
        ("generation_requests_settled_total", ("sentence", "completed")),
        ("generation_requests_claimed_total", ("ordinary",)),
        ("provider_calls_total", ("ok", "demo")),
    )
    before = await _scraped(api)
    await start_worker(Scripted())

    await settled(api, await submit(api, count=2, priority="high"))

    after = await _scraped(api)
    risen = {name: after[name] - before.get(name, 0.0) for name in names}
    assert list(risen.values()) == [1, 1, 1, 2]


async def test_the_worker_serves_its_metrics(database: Database):
    app = create_app(database, publisher=None, in_flight=InFlight(3))  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        samples = await _scraped(client)

    assert samples["generation_requests_in_flight", ()] == 0
