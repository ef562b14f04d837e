"""Every line of the taxonomy, against a server of all three protocols that somebody else wrote."""

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial

import pytest

from schemas.entities import ENTITY_TYPES
from shared.errors import ErrorCode
from tests.support.mock_server import KEY, MockServer, running_mock
from tests.support.model_calls import QUICK, a_call, a_claim, attempted, makers_with
from worker_service.outcome import Deferred, Failed, Succeeded
from worker_service.providers import (
    CredentialRefused,
    InvalidOutput,
    PermanentError,
    ProviderError,
    TransientError,
)
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server
from worker_service.providers.taxonomy import TABLE, Sign, Then
from worker_service.providers.wire import Patience

ERRORS = {
    Then.REPEAT: TransientError,
    Then.OPEN: CredentialRefused,
    Then.REASK: InvalidOutput,
    Then.FAIL: PermanentError,
}
PATIENT = Patience()
PROTOCOLS = ("openai", "openrouter", "ollama")
OPENAI, ROUTED = ("openai", "ollama"), ("openrouter",)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the mock answers for a word, and on which protocols it can."""

    word: str
    sign: Sign
    protocols: tuple[str, ...] = PROTOCOLS
    patience: Patience = PATIENT


CASES = (
    Case(word="KEY401", sign=Sign.KEY_REFUSED),
    Case(word="KEY403", sign=Sign.KEY_REFUSED),
    Case(word="CREDIT402", sign=Sign.QUOTA_EXHAUSTED),
    Case(word="QUOTA429", sign=Sign.QUOTA_EXHAUSTED, protocols=OPENAI),
    Case(word="RATE429", sign=Sign.RATE_LIMITED),
    Case(word="LATE408", sign=Sign.LATE_UPSTREAM),
    Case(word="LATE504", sign=Sign.LATE_UPSTREAM),
    Case(word="LOCK409", sign=Sign.BUSY),
    Case(word="EARLY425", sign=Sign.BUSY),
    Case(word="MOVED302", sign=Sign.BUSY),
    Case(word="OOPS500", sign=Sign.BUSY),
    Case(word="DOWN502", sign=Sign.BUSY),
    Case(word="BUSY503", sign=Sign.BUSY),
    Case(word="BUSY529", sign=Sign.BUSY),
    Case(word="WITHIN200", sign=Sign.BUSY),
    Case(word="MODERATED403", sign=Sign.MODERATED, protocols=ROUTED),
    Case(word="MODERATED400", sign=Sign.MODERATED, protocols=OPENAI),
    Case(word="LONG400", sign=Sign.CONTEXT_TOO_LONG, protocols=OPENAI),
    Case(word="LONG413", sign=Sign.CONTEXT_TOO_LONG),
    Case(word="GONE404", sign=Sign.NOT_THERE),
    Case(word="GONE410", sign=Sign.NOT_THERE),
    Case(word="BAD400", sign=Sign.NOT_UNDERSTOOD),
    Case(word="BAD422", sign=Sign.NOT_UNDERSTOOD),
    Case(word="DROP", sign=Sign.BROKEN_OFF),
    Case(word="HANGUP", sign=Sign.BROKEN_OFF),
    Case(word="MALFORMED", sign=Sign.UNREADABLE),
    Case(word="LARGE", sign=Sign.OVERSIZED, patience=Patience(answer_bytes=200)),
    Case(word="LATEFIRST", sign=Sign.NO_FIRST_TOKEN, patience=Patience(first_token_seconds=0.1)),
    Case(word="LATEFIRST", sign=Sign.NO_FIRST_TOKEN, patience=Patience(read_seconds=0.1)),
    Case(word="STALLS", sign=Sign.STALLED, patience=Patience(next_token_seconds=0.1)),
    Case(word="SLOW", sign=Sign.UNFINISHED, patience=Patience(call_seconds=0.5)),
)
UNUSABLE = (
    ("CUT", Sign.CUT_AT_LENGTH, ("openai", "openrouter")),
    ("FILTERED", Sign.FILTERED, ("openai", "openrouter")),
    ("TOOL", Sign.TOOL_CALLED, PROTOCOLS),
    ("PROSE", Sign.UNFIT, PROTOCOLS),
    ("FENCED", Sign.UNFIT, PROTOCOLS),
    ("NUL", Sign.UNFIT, PROTOCOLS),
    ("SURROGATE", Sign.UNFIT, PROTOCOLS),
)
COUNTS = ("calls", "input_tokens", "output_tokens", "reasoning_tokens")
WHAT_THE_MOCK_TELLS = {
    "openai": ((11, 7, 0), "Let me think."),
    "openrouter": ((11, 7, 3), "Let me think."),
    "ollama": ((0, 0, 0), None),
}
ELSEWHERE = {Sign.UNREACHABLE, Sign.NO_CONNECTION, Sign.NO_MODEL, Sign.REFUSED}
"""Signs that have a test of their own, here or in `test_provider_faults.py`."""


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    with running_mock(tmp_path_factory.mktemp("mock")) as server:
        yield server


def a_server(
    protocol: str,
    mock: MockServer,
    *,
    patience: Patience = PATIENT,
    credential: str = KEY,
) -> Server:
    path = {"openai": "/v1", "openrouter": "/api/v1", "ollama": ""}[protocol]
    return Server(
        protocol,
        Ollama() if protocol == "ollama" else ChatCompletions(),
        address=Address(base_url=mock.url + path, credential=credential, model="maker/tiny"),
        patience=patience,
        connections=2,
    )


@pytest.fixture(params=PROTOCOLS)
async def server(request: pytest.FixtureRequest, mock: MockServer) -> AsyncIterator[Server]:
    made = a_server(request.param, mock)
    yield made
    await made.close()


def test_every_row_of_the_table_has_a_case():
    assert {case.sign for case in CASES} | {sign for _, sign, _ in UNUSABLE} | ELSEWHERE == {*Sign}
    assert {*TABLE} == {*Sign}


@pytest.mark.parametrize(
    ("case", "protocol"),
    [
        pytest.param(case, protocol, id=f"{case.sign.name}-{case.word}-{protocol}-{n}")
        for n, case in enumerate(CASES)
        for protocol in case.protocols
    ],
)
async def test_a_call_that_fails_is_told_apart(case: Case, protocol: str, mock: MockServer):
    server = a_server(protocol, mock, patience=case.patience)

    with pytest.raises(ProviderError) as failed:
        await server.complete(a_call(case.word))

    verdict = TABLE[case.sign]
    assert str(failed.value).startswith(case.sign)
    assert (type(failed.value), failed.value.code) == (ERRORS[verdict.then], verdict.code)
    await server.close()


@pytest.mark.parametrize(
    ("word", "sign", "protocol"),
    [
        pytest.param(word, sign, protocol, id=f"{word}-{protocol}")
        for word, sign, protocols in UNUSABLE
        for protocol in protocols
    ],
)
async def test_an_answer_that_cannot_be_used_is_told_apart(
    word: str, sign: Sign, protocol: str, mock: MockServer
):
    server = a_server(protocol, mock)
    once = replace(QUICK, invalid_output_attempts=1)

    outcome = await attempted(
        a_claim(word, entity_type="vocabulary", provider=protocol),
        0,
        makers=makers_with(server, policy=once),
    )

    assert isinstance(outcome, Failed)
    assert outcome.message.startswith(sign)
    assert (outcome.code, outcome.attempts) == (TABLE[sign].code, 1)
    await server.close()


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
async def test_each_entity_type_is_made_on_each_protocol(server: Server, entity_type: str):
    claim = a_claim(entity_type=entity_type, provider=server.name)

    outcome = await attempted(claim, makers=makers_with(server))

    assert isinstance(outcome, Succeeded)
    ENTITY_TYPES[entity_type].recorded.model_validate(
        {**outcome.entity, "created_at": 0, "updated_at": 0}
    )


async def test_what_a_call_took_is_kept(server: Server):
    outcome = await attempted(a_claim(provider=server.name), makers=makers_with(server))

    assert isinstance(outcome, Succeeded)
    (call,) = outcome.usage.provider_calls
    assert (call.outcome, call.model, call.finish_reason) == ("ok", "maker/tiny", "stop")
    assert call.provider_request_id
    assert call.first_token_seconds is not None
    assert 0 < call.first_token_seconds <= call.seconds
    spent, reasoning = WHAT_THE_MOCK_TELLS[server.name]
    assert (call.input_tokens, call.output_tokens, call.reasoning_tokens) == spent
    assert call.reasoning == reasoning
    assert outcome.usage.totals() == dict(zip(COUNTS, (1, *spent), strict=True))


async def test_output_that_does_not_fit_is_asked_for_again_with_what_the_validator_says(
    server: Server, mock: MockServer
):
    word = f"FENCED-{server.name}"

    outcome = await attempted(a_claim(word, provider=server.name), makers=makers_with(server))

    assert isinstance(outcome, Succeeded)
    assert [call.outcome for call in outcome.usage.provider_calls] == ["invalid_output", "ok"]
    *_, first, second = [body["messages"] for body in mock.asked(word)]
    assert second[: len(first)] == first
    answer, request = second[len(first) :]
    assert answer == {"role": "assistant", "content": 'Sure!\n```json\n{"content": "fenced"}\n```'}
    assert request["role"] == "user"
    assert "the whole: Invalid JSON: expected value at line 1 column 1" in request["content"]


async def test_the_credential_that_the_server_does_not_know_opens_the_circuit(
    server: Server, mock: MockServer
):
    other = a_server(server.name, mock, credential="sk-wrong-one")
    makers = makers_with(other)

    outcomes = [await attempted(a_claim(provider=other.name), makers=makers) for _ in range(2)]

    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert [outcome.code for outcome in outcomes if isinstance(outcome, Deferred)] == [
        ErrorCode.AUTH,
        ErrorCode.AUTH,
    ]
    assert [outcome.attempts for outcome in outcomes] == [1, 0]
    await other.close()


@pytest.mark.parametrize(("word", "seconds"), [("RATE429", 3.0), ("DATED429", 3e10)])
async def test_the_providers_wish_is_read_as_seconds_and_as_a_date(
    server: Server, word: str, seconds: float
):
    with pytest.raises(TransientError) as limited:
        await server.complete(a_call(word))

    assert limited.value.retry_after == pytest.approx(seconds, rel=0.05)


async def test_a_server_that_cannot_be_reached_is_told_apart(unused_tcp_port: int):
    server = a_server("openai", MockServer(f"http://127.0.0.1:{unused_tcp_port}"))

    with pytest.raises(TransientError, match=Sign.UNREACHABLE):
        await server.complete(a_call())


async def test_a_server_that_takes_no_connection_is_told_apart():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address):
            server = a_server(
                "openai",
                MockServer(f"http://127.0.0.1:{address[1]}"),
                patience=Patience(connect_seconds=0.2),
            )

            with pytest.raises(TransientError, match=Sign.NO_CONNECTION):
                await server.complete(a_call())


async def test_without_a_model_nothing_is_asked(mock: MockServer):
    address = Address(base_url=mock.url, credential=KEY)
    server = Server("ollama", Ollama(), address=address, patience=PATIENT, connections=1)

    with pytest.raises(PermanentError, match=Sign.NO_MODEL):
        await server.complete(a_call("NOTHING"))

    assert not mock.asked("NOTHING")


async def test_the_model_of_the_request_goes_before_that_of_the_settings(
    server: Server, mock: MockServer
):
    word = f"WHICH-{server.name}"

    completion = await server.complete(a_call(word, model="other/model"))

    assert completion.model == "other/model"
    assert [body["model"] for body in mock.asked(word)] == ["other/model"]


async def test_a_failed_call_gives_its_connection_back(mock: MockServer):
    server = a_server("openai", mock, patience=Patience(next_token_seconds=0.1))
    ask = partial(server.complete, a_call("STALLS"))

    for _ in range(4):  # the pool has room for two
        with pytest.raises(TransientError, match=Sign.STALLED):
            await ask()
    completion = await server.complete(a_call())

    assert completion.finish_reason == "stop"
    await server.close()
