"""The documentation page and the index: whole without any other server."""

import re

import httpx
import pytest

from tests.contract.test_openapi import an_app
from tests.support.api import problem_of

PREFIXES = ("", "/api/v1")


def a_client(prefix: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=an_app(api_prefix=prefix))
    return httpx.AsyncClient(transport=transport, base_url=f"http://test{prefix}/")


def addresses(page: str) -> set[str]:
    return {*re.findall(r"""(?:src=|href=|url: )["']([^"']+)["']""", page)}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_all_that_the_page_needs_is_beside_it(prefix: str):
    async with a_client(prefix) as client:
        page = await client.get("docs")
        needed = addresses(page.text)
        answers = [await client.get(address) for address in needed]

    assert len(needed) == 4
    assert not any("//" in address for address in needed)
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["Content-Type"].partition(";")[0] for answer in answers} == {
        "application/json",
        "image/png",
        "text/css",
        "text/javascript",
    }


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_index_links_to_the_page_and_to_the_document(prefix: str):
    async with a_client(prefix) as client:
        index = await client.get("")
        told = index.json()
        answers = [await client.get(f"http://test{told[name]}") for name in LINKED]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert index.links["service-doc"]["url"] == "docs"
    assert index.links["service-desc"]["url"] == "openapi.json"


LINKED = ("documentation", "openapi")


@pytest.mark.parametrize("asked", ["bytes=abc", "items=0-1", "bytes=999999999-", "bytes=0-1"])
async def test_a_part_that_is_asked_for_is_the_whole(asked: str):
    async with a_client("") as client:
        whole = await client.get("docs/swagger-ui.css")
        answer = await client.get("docs/swagger-ui.css", headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, whole.content)


async def test_nothing_else_of_the_package_is_served():
    async with a_client("") as client:
        problem_of(await client.get("docs/__init__.py"), 404)
        problem_of(await client.post("docs"), 405)
