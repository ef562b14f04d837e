"""What no error may repeat, and no redirect may take elsewhere."""

from contextlib import AsyncExitStack

import pytest

from shared.errors import ErrorCode
from tests.support.faulty_server import KEY, a_server
from tests.support.model_calls import a_call, completed
from tests.support.raw_server import raw_server
from worker_service.providers import AccountFault
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server


async def test_a_key_that_the_server_repeats_is_not_repeated_here(started: AsyncExitStack):
    error = {"message": f"Incorrect API key provided: {KEY}. Find yours elsewhere."}
    server, _ = await a_server(
        started, lambda exchange: exchange.answer({"error": error}, status="401 Unauthorized")
    )

    with pytest.raises(AccountFault) as refused:
        await completed(server, a_call())

    assert KEY not in str(refused.value)
    assert "Incorrect API key provided: [secret]. Find" in str(refused.value)


async def test_a_redirect_does_not_take_the_key_elsewhere(started: AsyncExitStack):
    other = await started.enter_async_context(raw_server(lambda exchange: exchange.answer({})))
    server, _ = await a_server(
        started,
        lambda exchange: exchange.answer(
            {}, f"Location: {other.url}", status="307 Temporary Redirect"
        ),
    )

    with pytest.raises(AccountFault, match=f"{FailureKind.REDIRECTED}: {other.url}") as failed:
        await completed(server, a_call())

    assert failed.value.code is ErrorCode.MISCONFIGURED
    assert not other.asked


def test_a_credential_is_told_apart_without_being_revealed():
    def named(key: str | None) -> str:
        address = Address(base_url="http://h", credential=key)
        made = Server("x", Ollama(), address=address, limits=ProviderLimits(), connections=1)
        assert key is None or key not in repr(address)
        return made.credential

    assert named(None) == ""
    assert named("sk-first") != named("sk-other")
    assert "first" not in named("sk-first")
