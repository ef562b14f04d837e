"""From POST to settled, through both services, PostgreSQL and Kafka."""

import httpx
import pytest

from tests.services import StartWorker
from tests.support.client import settled, submit

pytestmark = pytest.mark.usefixtures("balanced_services")


async def test_a_request_accepted_is_a_request_settled(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    await start_worker()

    accepted = await submit(api, count=3)

    record = await settled(api, accepted)
    assert record["status"] == "completed"
    assert record["generated_count"] == len(record["entities"]) == 3
    assert len({entity["content"] for entity in record["entities"]}) == 3
