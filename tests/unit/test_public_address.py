"""What stands before the paths in answers, behind a proxy and without one."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from api_service.config import ApiSettings
from tests.contract.test_openapi import an_app

PROXY, OTHER = "10.1.2.3", "192.0.2.7"
FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "api.example.org",
    "X-Forwarded-Prefix": "/quiz",
}


async def base(headers: dict[str, str], *, peer: str = PROXY, **settings: Any) -> str:
    """Return what stands before the page of the documentation, as the index tells it."""
    prefix = settings.get("api_prefix", "")
    transport = httpx.ASGITransport(app=an_app(**settings), client=(peer, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
        index = (await client.get(f"{prefix}/", headers=headers)).json()
        document = (await client.get(f"{prefix}/openapi.json", headers=headers)).json()
    found = str(index["documentation"].removesuffix("/docs"))
    assert found == document["servers"][0]["url"].rstrip("/") + prefix
    return found


@pytest.mark.parametrize("peer", [PROXY, OTHER, "::1"])
async def test_no_peer_is_believed_where_no_proxy_is_trusted(peer: str):
    assert await base(FORWARDED, peer=peer, api_prefix="/v1") == "/v1"


async def test_a_trusted_proxy_says_where_callers_reach_the_api():
    trusted = "10.0.0.0/8, ::1"

    assert await base(FORWARDED, trusted_proxies=trusted) == "https://api.example.org/quiz"
    assert await base(FORWARDED, trusted_proxies=trusted, peer="::1") != ""
    assert await base(FORWARDED, trusted_proxies=trusted, peer=f"::ffff:{PROXY}") != ""
    assert await base(FORWARDED, trusted_proxies=trusted, peer=OTHER) == ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "/v1"),
        ({"X-Forwarded-Prefix": "/quiz/"}, "/quiz/v1"),
        ({"X-Forwarded-Proto": "https"}, "/v1"),
        ({"X-Forwarded-Host": "a.example:8443"}, "http://a.example:8443/v1"),
        ({"X-Forwarded-Host": "[2001:db8::1]"}, "http://[2001:db8::1]/v1"),
        ({"X-Forwarded-Host": "given.example, a.example"}, "http://a.example/v1"),
        ({"X-Forwarded-Host": "a.example/evil"}, "/v1"),
        (
            {"X-Forwarded-Host": "a.example", "X-Forwarded-Proto": "javascript"},
            "http://a.example/v1",
        ),
        ({"X-Forwarded-Prefix": "//evil.example"}, "/v1"),
        ({"X-Forwarded-Prefix": "/a b"}, "/v1"),
        ({"X-Forwarded-Prefix": "/.."}, "/v1"),
        ({"X-Forwarded-Prefix": "/a/./b"}, "/v1"),
        ({"X-Forwarded-Prefix": "/.well-known"}, "/.well-known/v1"),
        ({"X-Forwarded-Host": "..."}, "/v1"),
        ({"X-Forwarded-Host": "a.example:65536"}, "/v1"),
    ],
)
async def test_only_what_is_well_formed_counts(headers: dict[str, str], expected: str):
    assert await base(headers, trusted_proxies=PROXY, api_prefix="/v1") == expected


@pytest.mark.parametrize("url", ["https://api.example.org/quiz", "https://api.example.org/quiz/"])
async def test_the_public_url_is_stronger_than_any_header(url: str):
    told = {"X-Forwarded-Host": "other.example"}

    assert (
        await base(told, public_url=url, trusted_proxies=PROXY, api_prefix="/v1")
        == "https://api.example.org/quiz/v1"
    )


@pytest.mark.parametrize(
    "setting",
    [
        {"public_url": "api.example.org"},
        {"public_url": "ftp://api.example.org"},
        {"public_url": "https://api.example.org/?x"},
        {"public_url": "https://bücher.example"},
        {"public_url": "https://x:abc"},
        {"public_url": "https://x:99999"},
        {"public_url": 'https://a"b'},
        {"public_url": "https://x,y"},
        {"public_url": "https://me:key@x"},
        {"public_url": "https://x/../y"},
        {"api_prefix": "/.."},
        {"trusted_proxies": "proxy"},
        {"trusted_proxies": "10.0.0.1/8"},
    ],
    ids=str,
)
def test_an_address_that_is_none_is_a_wrong_setting(setting: dict[str, Any]):
    told: dict[str, Any] = {"database_url": "postgresql://h/n", "kafka_bootstrap_servers": "h:1"}

    with pytest.raises(ValidationError):
        ApiSettings(**told, **setting)
