"""Every line of the taxonomy, against a server of all the protocols that others wrote."""

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from functools import partial

import pytest

from schemas.entities import ENTITY_TYPES
from shared.errors import ErrorCode
from tests.contract.odd_answers.endings import EMPTY_OR_CUT, FINISH_REASONS
from tests.contract.odd_answers.errors import SHAPES, WITHIN
from tests.contract.odd_answers.words import WORDS
from tests.support.mock_server import KEY, MockServer, running_mock
from tests.support.model_calls import QUICK, a_call, a_claim, attempted, completed, tools_with
from worker_service.outcome import Deferred, Failed, Succeeded
from worker_service.providers import (
    AccountFault,
    InvalidOutput,
    NotSent,
    PermanentError,
    ProtocolMismatch,
    ProviderError,
    Spent,
    TransientError,
)
from worker_service.providers.anthropic import Anthropic
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Dialect
from worker_service.providers.failures import TABLE, FailureKind, Reaction
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server
from worker_service.settlement.provider_calls import ProviderCall

ERRORS = {
    Reaction.REPEAT: TransientError,
    Reaction.REPEAT_UNCHARGED: TransientError,
    Reaction.OPEN: AccountFault,
    Reaction.REPEAT_BRIEFLY: ProtocolMismatch,
    Reaction.REASK: InvalidOutput,
    Reaction.FAIL: PermanentError,
    Reaction.FAIL_UNSENT: NotSent,
}
PATIENT = ProviderLimits()
PROTOCOLS = ("openai", "openrouter", "ollama", "anthropic")
OPENAI, ROUTED = ("openai", "ollama"), ("openrouter",)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the mock answers for a word, and on which protocols it can."""

    word: str
    kind: FailureKind
    protocols: tuple[str, ...] = PROTOCOLS
    limits: ProviderLimits = PATIENT


CASES = (
    Case(word="KEY401", kind=FailureKind.CREDENTIAL_REFUSED),
    Case(word="KEY403", kind=FailureKind.CREDENTIAL_REFUSED),
    Case(word="CREDIT402", kind=FailureKind.QUOTA_EXHAUSTED),
    Case(word="QUOTA429", kind=FailureKind.QUOTA_EXHAUSTED, protocols=OPENAI),
    Case(word="RATE429", kind=FailureKind.RATE_LIMITED),
    Case(word="LATE408", kind=FailureKind.UPSTREAM_TIMEOUT),
    Case(word="LATE504", kind=FailureKind.UPSTREAM_TIMEOUT),
    Case(word="LOCK409", kind=FailureKind.UNAVAILABLE),
    Case(word="EARLY425", kind=FailureKind.UNAVAILABLE),
    Case(word="MOVED302", kind=FailureKind.REDIRECTED),
    Case(word="OOPS500", kind=FailureKind.UNAVAILABLE),
    Case(word="DOWN502", kind=FailureKind.UNAVAILABLE),
    Case(word="BUSY503", kind=FailureKind.UNAVAILABLE),
    Case(word="BUSY529", kind=FailureKind.UNAVAILABLE),
    Case(word="WITHIN200", kind=FailureKind.UNAVAILABLE),
    Case(word="MODERATED403", kind=FailureKind.MODERATED, protocols=ROUTED),
    Case(word="MODERATED400", kind=FailureKind.MODERATED, protocols=OPENAI),
    Case(word="LONG400", kind=FailureKind.CONTEXT_TOO_LONG, protocols=OPENAI),
    Case(word="LONG413", kind=FailureKind.CONTEXT_TOO_LONG),
    Case(word="GONE404", kind=FailureKind.NOT_FOUND),
    Case(word="GONE410", kind=FailureKind.NOT_FOUND),
    Case(word="BAD400", kind=FailureKind.BAD_REQUEST),
    Case(word="BAD422", kind=FailureKind.BAD_REQUEST),
    Case(word="DROP", kind=FailureKind.CONNECTION_LOST),
    Case(word="HANGUP", kind=FailureKind.CONNECTION_LOST),
    Case(word="MALFORMED", kind=FailureKind.UNREADABLE),
    Case(word="LARGE", kind=FailureKind.OVERSIZED, limits=ProviderLimits(answer_bytes=200)),
    Case(
        word="LATEFIRST",
        kind=FailureKind.FIRST_TOKEN_TIMEOUT,
        limits=ProviderLimits(first_token_seconds=0.1),
    ),
    Case(
        word="LATEFIRST",
        kind=FailureKind.FIRST_TOKEN_TIMEOUT,
        limits=ProviderLimits(read_seconds=0.1),
    ),
    Case(
        word="STALLS",
        kind=FailureKind.NEXT_TOKEN_TIMEOUT,
        limits=ProviderLimits(next_token_seconds=0.1),
    ),
    Case(word="SLOW", kind=FailureKind.CALL_TIMEOUT, limits=ProviderLimits(call_seconds=0.5)),
)
UNUSABLE = (
    ("CUT", FailureKind.TRUNCATED, ("openai", "openrouter")),
    ("FILTERED", FailureKind.CONTENT_FILTERED, ("openai", "openrouter")),
    ("TOOL", FailureKind.TOOL_CALLED, PROTOCOLS),
    ("PROSE", FailureKind.SCHEMA_INVALID, PROTOCOLS),
    ("FENCED", FailureKind.SCHEMA_INVALID, PROTOCOLS),
    ("NUL", FailureKind.SCHEMA_INVALID, PROTOCOLS),
    ("SURROGATE", FailureKind.SCHEMA_INVALID, PROTOCOLS),
)
COUNTS = ("calls", "input_tokens", "output_tokens", "reasoning_tokens")
DIALECTS: dict[str, Dialect] = {"ollama": Ollama(), "anthropic": Anthropic()}
WHAT_THE_MOCK_TELLS = {
    "openai": ((11, 7, None), "Let me think."),
    "openrouter": ((11, 7, 3), "Let me think."),
    "ollama": ((0, 15, None), None),
    "anthropic": ((11, 7, None), "Let me think."),
}
ELSEWHERE = {
    FailureKind.UNREACHABLE,
    FailureKind.CONNECT_TIMEOUT,
    FailureKind.NO_MODEL,
    FailureKind.NO_PROTOCOL,
    FailureKind.REFUSED,
    *{row.kind for row in (*SHAPES, *WORDS, *WITHIN, *EMPTY_OR_CUT, *FINISH_REASONS) if row.kind},
}
"""Signs that have a test of their own, here, in `provider_faults` or in `odd_answers`."""


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockServer]:
    with running_mock(tmp_path_factory.mktemp("mock")) as server:
        yield server


def a_server(
    protocol: str,
    mock: MockServer,
    *,
    limits: ProviderLimits = PATIENT,
    credential: str = KEY,
) -> Server:
    path = {"openai": "/v1", "openrouter": "/api/v1", "ollama": "", "anthropic": "/v1"}[protocol]
    return Server(
        protocol,
        DIALECTS.get(protocol, ChatCompletions()),
        address=Address(base_url=mock.url + path, credential=credential, model="maker/tiny"),
        limits=limits,
        connections=2,
    )


@pytest.fixture(params=PROTOCOLS)
async def server(request: pytest.FixtureRequest, mock: MockServer) -> AsyncIterator[Server]:
    made = a_server(request.param, mock)
    yield made
    await made.close()


def test_every_row_of_the_table_has_a_case():
    assert {case.kind for case in CASES} | {kind for _, kind, _ in UNUSABLE} | ELSEWHERE == {
        *FailureKind
    }
    assert {*TABLE} == {*FailureKind}


@pytest.mark.parametrize(
    ("case", "protocol"),
    [
        pytest.param(case, protocol, id=f"{case.kind.name}-{case.word}-{protocol}-{n}")
        for n, case in enumerate(CASES)
        for protocol in case.protocols
    ],
)
async def test_a_call_that_fails_is_told_apart(case: Case, protocol: str, mock: MockServer):
    server = a_server(protocol, mock, limits=case.limits)

    with pytest.raises(ProviderError) as failed:
        await completed(server, a_call(case.word))

    rule = TABLE[case.kind]
    assert str(failed.value).startswith(case.kind)
    assert (type(failed.value), failed.value.code) == (ERRORS[rule.reaction], rule.code)
    await server.close()


@pytest.mark.parametrize(
    ("word", "kind", "protocol"),
    [
        pytest.param(word, kind, protocol, id=f"{word}-{protocol}")
        for word, kind, protocols in UNUSABLE
        for protocol in protocols
    ],
)
async def test_an_answer_that_cannot_be_used_is_told_apart(
    word: str, kind: FailureKind, protocol: str, mock: MockServer
):
    server = a_server(protocol, mock)
    once = replace(QUICK, invalid_output_attempts=1)

    outcome = await attempted(
        a_claim(word, entity_type="vocabulary", provider=protocol),
        0,
        tools=tools_with(server, policy=once),
    )

    assert isinstance(outcome, Failed)
    assert outcome.message.startswith(kind)
    assert (outcome.code, outcome.attempts) == (TABLE[kind].code, 1)
    await server.close()


@pytest.mark.parametrize("entity_type", ENTITY_TYPES)
async def test_each_entity_type_is_made_on_each_protocol(server: Server, entity_type: str):
    claim = a_claim(entity_type=entity_type, provider=server.name)

    outcome = await attempted(claim, tools=tools_with(server))

    assert isinstance(outcome, Succeeded)
    ENTITY_TYPES[entity_type].recorded.model_validate(
        {**outcome.entity, "created_at": 0, "updated_at": 0}
    )


async def test_what_a_call_took_is_kept(server: Server):
    made: list[ProviderCall] = []

    outcome = await attempted(a_claim(provider=server.name), tools=tools_with(server), made=made)

    assert isinstance(outcome, Succeeded)
    (call,) = made
    assert (call.outcome, call.model, call.finish_reason) == ("ok", "maker/tiny", "stop")
    assert call.provider_request_id
    assert call.first_token_seconds is not None
    assert 0 < call.first_token_seconds <= call.seconds
    spent, reasoning = WHAT_THE_MOCK_TELLS[server.name]
    assert (call.input_tokens, call.output_tokens, call.reasoning_tokens) == spent
    assert call.reasoning == reasoning


async def test_output_that_does_not_fit_is_asked_for_again_with_what_the_validator_says(
    server: Server, mock: MockServer
):
    word, made = f"FENCED-{server.name}", list[ProviderCall]()

    outcome = await attempted(
        a_claim(word, provider=server.name), tools=tools_with(server), made=made
    )

    assert isinstance(outcome, Succeeded)
    assert [call.outcome for call in made] == ["invalid_output", "ok"]
    *_, first, second = [body["messages"] for body in mock.asked(word)]
    assert second[: len(first)] == first
    answer, request = second[len(first) :]
    assert answer == {"role": "assistant", "content": 'Sure!\n```json\n{"content": "fenced"}\n```'}
    assert request["role"] == "user"
    assert "(root): Invalid JSON: expected value at line 1 column 1" in request["content"]


async def test_the_credential_that_the_server_does_not_know_opens_the_circuit(
    server: Server, mock: MockServer
):
    other = a_server(server.name, mock, credential="sk-wrong-one")
    tools = tools_with(other)

    outcomes = [await attempted(a_claim(provider=other.name), tools=tools) for _ in range(2)]

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
        await completed(server, a_call(word))

    assert limited.value.retry_after == pytest.approx(seconds, rel=0.05)


async def test_a_server_that_cannot_be_reached_is_told_apart(unused_tcp_port: int):
    server = a_server("openai", MockServer(f"http://127.0.0.1:{unused_tcp_port}"))

    with pytest.raises(TransientError, match=FailureKind.UNREACHABLE):
        await completed(server, a_call())
    await server.close()


async def test_a_server_that_takes_no_connection_is_told_apart():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address):
            server = a_server(
                "openai",
                MockServer(f"http://127.0.0.1:{address[1]}"),
                limits=ProviderLimits(connect_seconds=0.2),
            )

            with pytest.raises(TransientError, match=FailureKind.CONNECT_TIMEOUT):
                await completed(server, a_call())
            await server.close()


async def test_without_a_model_nothing_is_asked(mock: MockServer):
    address = Address(base_url=mock.url, credential=KEY)
    server = Server("ollama", Ollama(), address=address, limits=PATIENT, connections=1)

    with pytest.raises(NotSent, match=FailureKind.NO_MODEL):
        await completed(server, a_call("NOTHING"))

    assert not mock.asked("NOTHING")


async def test_the_model_of_the_request_goes_before_that_of_the_settings(
    server: Server, mock: MockServer
):
    word = f"WHICH-{server.name}"

    spent = Spent()

    await completed(server, a_call(word, model="other/model"), spent)

    assert spent.model == "other/model"
    assert [body["model"] for body in mock.asked(word)] == ["other/model"]


async def test_a_failed_call_gives_its_connection_back(mock: MockServer):
    server = a_server("openai", mock, limits=ProviderLimits(next_token_seconds=0.1))
    ask = partial(completed, server, a_call("STALLS"))

    for _ in range(4):  # the pool has room for two
        with pytest.raises(TransientError, match=FailureKind.NEXT_TOKEN_TIMEOUT):
            await ask()
    completion = await completed(server, a_call())

    assert completion.finish_reason == "stop"
    await server.close()
