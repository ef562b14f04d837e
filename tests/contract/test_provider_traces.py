"""Providers are told of a trace only where `TRACE_PROVIDERS` names them."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.model_calls import a_call, completed
from tests.support.raw_server import Exchange, RawServer, chunk, raw_server
from tests.support.spans import TRACEPARENT
from worker_service.providers import Spent
from worker_service.providers.settings import ProviderSettings, make_providers


async def behave(exchange: Exchange) -> None:
    await exchange.stream(chunk("{}"), chunk(finish="stop"))


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RawServer]:
    """Serve two providers."""
    async with raw_server(behave) as raw:
        for name in ("ours", "theirs"):
            monkeypatch.setenv(f"{name}_BASE_URL".upper(), raw.url)
            monkeypatch.setenv(f"{name}_MODEL".upper(), "tiny")
        yield raw


async def test_only_a_provider_that_is_named_is_sent_the_trace(server: RawServer):
    settings = ProviderSettings(providers="ours, theirs", trace_providers="ours")
    providers = make_providers(settings, connections=1)
    call, spent = replace(a_call(), traceparent=TRACEPARENT), Spent()

    for name in ("ours", "theirs"):
        await completed(providers[name], call, spent)
        await providers[name].close()

    ours, theirs = (exchange.head.lower() for exchange in server.asked)
    assert f"traceparent: {TRACEPARENT}\r\n" in ours
    assert "trace" not in theirs
    assert spent.requested_model == "tiny"


def test_a_provider_that_is_not_there_cannot_be_traced():
    with pytest.raises(ValueError, match="poems is none of ours, theirs"):
        ProviderSettings(providers="ours, theirs", provider="ours", trace_providers="poems")
