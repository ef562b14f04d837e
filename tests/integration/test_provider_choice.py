"""Who makes the entities: named by the request, as far as the service offers it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.postgres.database import Database
from tests.services import api_settings
from tests.stack import Stack
from tests.support.api import api_told, faults_of
from tests.support.client import read
from tests.support.requests import row_of

pytestmark = pytest.mark.usefixtures("balanced")

ROUTES = ("/generation-requests", "/sentences/generate")


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with api_told(api_settings(stack), with_kafka=False) as client:
        yield client


def a_body(route: str, **body: Any) -> dict[str, Any]:
    return body if route == "/sentences/generate" else {"entity_type": "sentence", **body}


@pytest.mark.parametrize("route", ROUTES)
async def test_provider_and_model_are_kept_with_the_request(
    api: httpx.AsyncClient, database: Database, route: str
):
    body = a_body(route, provider="openrouter", model="meta-llama/llama-3.1-8b-instruct:free")

    accepted = await api.post(route, json=body)

    record = await read(api, accepted.headers["Location"])
    named = ("openrouter", "meta-llama/llama-3.1-8b-instruct:free")
    assert (record["provider"], record["model"]) == named
    row = await row_of(database, record["request_id"])
    assert (row["provider"], row["model"]) == named


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"provider": "gpt"}, "#/provider"),
        ({"provider": ""}, "#/provider"),
        ({"model": ""}, "#/model"),
        ({"model": "a b"}, "#/model"),
        ({"model": "../secret\n"}, "#/model"),
        ({"model": "m" * 201}, "#/model"),
        ({"provider": "demo", "model": "gpt-5"}, "#/model"),
    ],
    ids=str,
)
async def test_what_is_no_provider_or_no_model_is_refused(
    api: httpx.AsyncClient, route: str, body: dict[str, Any], place: str
):
    assert [*faults_of(await api.post(route, json=a_body(route, **body)))] == [place]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_provider_that_is_not_offered_is_refused(stack: Stack, route: str):
    settings = api_settings(stack, providers="demo, ollama")
    async with api_told(settings, with_kafka=False) as api:
        refused = await api.post(route, json=a_body(route, provider="openai"))
        accepted = [
            await api.post(route, json=a_body(route, **named))
            for named in ({}, {"provider": "demo"}, {"provider": "ollama", "model": "llama3.2"})
        ]

    assert faults_of(refused) == {"#/provider": "The provider must be one of demo, ollama."}
    assert [answer.status_code for answer in accepted] == [202, 202, 202]


async def test_a_provider_may_have_any_name_that_the_settings_list(stack: Stack):
    settings = api_settings(stack, providers="groq,local_2")
    async with api_told(settings, with_kafka=False) as api:
        accepted = await api.post("/sentences/generate", json={"provider": "local_2"})
        refused = await api.post("/sentences/generate", json={"provider": "openai"})
        misnamed = await api.post("/sentences/generate", json={"provider": "Groq"})

    assert accepted.status_code == 202
    assert faults_of(refused) == {"#/provider": "The provider must be one of groq, local_2."}
    assert [*faults_of(misnamed)] == ["#/provider"]
