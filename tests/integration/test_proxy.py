"""Behind nginx, with the configuration that docs/operations.md shows."""

from pathlib import Path

import httpx
import pytest

from devstack.ports import pick_free_port
from tests.support.nginx import an_nginx, documented_locations
from tests.support.served import the_api_served

STRIPS, KEEPS, _ = documented_locations()
PREFIX = "/quiz"


@pytest.mark.parametrize(
    ("location", "settings"),
    [
        (STRIPS, {"trusted_proxies": "127.0.0.1"}),
        (STRIPS, {"public_url": "http://127.0.0.1:{port}/quiz"}),
        (KEEPS, {"api_prefix": PREFIX}),
    ],
    ids=["strips, and says so", "strips, with PUBLIC_URL", "keeps the prefix"],
)
async def test_every_address_in_an_answer_leads_back_through_the_proxy(
    location: str, settings: dict[str, str], tmp_path: Path
):
    port = pick_free_port()
    told = {name: value.format(port=port) for name, value in settings.items()}
    async with (
        the_api_served(**told) as served,
        an_nginx(location, port=port, upstream=served.url, folder=tmp_path),
    ):
        await _walk(f"http://127.0.0.1:{port}", is_absolute=location == STRIPS)


async def _walk(url: str, *, is_absolute: bool) -> None:
    """Follow the links of a caller who knows the outer address alone."""
    async with httpx.AsyncClient(base_url=url) as client:
        accepted = await client.post(
            f"{PREFIX}/generation-requests", json={"entity_type": "sentence"}
        )
        location = accepted.headers["Location"]
        assert location.startswith(f"{url}{PREFIX}/" if is_absolute else f"{PREFIX}/")
        record = await client.get(location)
        page = await client.get(f"{PREFIX}/generation-requests")
        index = await client.get(f"{PREFIX}/")
        docs = await client.get(index.json()["documentation"])
        document = await client.get(index.json()["openapi"])

    answers = (record, page, docs, document)
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert record.json()["urls"]["self"] == location == page.json()["data"][0]["urls"]["self"]
