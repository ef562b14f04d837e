"""What a model server is sent: where, with which headers, and that nothing follows a redirect."""

import json

import httpx
import pytest

from tests.support.raw_server import Exchange, raw_server
from worker_service.providers.connection import observed_connection
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.transport import Client


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "/a%20b/v1"])
async def test_a_request_goes_to_its_path_below_the_address(base: str):
    async with raw_server(lambda exchange: exchange.answer({})) as server:
        await sent(server.url + base)

    (asked,) = server.asked
    assert asked.head.startswith(f"POST {base.rstrip('/')}/chat/completions HTTP/1.1\r\n")
    assert asked.body == {"word": "déjà"}


async def test_a_header_of_the_settings_goes_before_our_own():
    async with raw_server(lambda exchange: exchange.answer({})) as server:
        await sent(server.url, {"user-agent": "mine", "x-title": "a"})

    lines = server.asked[0].head.lower().splitlines()
    assert [line for line in lines if line.startswith("user-agent")] == ["user-agent: mine"]
    assert "x-title: a" in lines
    assert "content-type: application/json" in lines


async def test_neither_redirects_nor_cookies_are_followed():
    async def behave(exchange: Exchange) -> None:
        headers = (f"Location: {server.url}/other", "Set-Cookie: a=b")
        await exchange.answer({}, *headers, status="307 Temporary Redirect")

    async with raw_server(behave) as server:
        assert await sent(server.url, times=2) == [307, 307]

    assert [json.dumps(each.head).count("chat/completions") for each in server.asked] == [1, 1]
    assert not any("cookie" in each.head.lower() for each in server.asked)


async def sent(url: str, headers: dict[str, str] | None = None, *, times: int = 1) -> list[int]:
    """Send requests one after the other, and return the statuses of their answers."""
    client = Client(url, headers=headers or {}, limits=ProviderLimits(), connections=1)
    try:
        return [(await answered(client)).status_code for _ in range(times)]
    finally:
        await client.close()


async def answered(client: Client) -> httpx.Response:
    with observed_connection():
        async with client.post("chat/completions", {"word": "déjà"}, headers={}) as response:
            return response
