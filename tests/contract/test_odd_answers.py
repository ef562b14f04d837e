"""What becomes of odd answers, each a row: bytes in, outcome out."""

from dataclasses import dataclass, field

import pytest

from tests.contract.odd_answers.anthropic import ANTHROPIC
from tests.contract.odd_answers.bodies import BODIES
from tests.contract.odd_answers.endings import (
    AROUND,
    EMPTY_OR_CUT,
    FINISH_REASONS,
    REDIRECTS,
    STATUSES,
)
from tests.contract.odd_answers.errors import ERRORS, SHAPES, WITHIN
from tests.contract.odd_answers.parts import PARTS
from tests.contract.odd_answers.waits import WAITS
from tests.contract.odd_answers.words import WORDS
from tests.support.model_calls import a_claim, attempted, tools_with
from tests.support.odd_answers import Row
from tests.support.raw_server import Exchange, raw_server
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.outcome import Deferred, Failed, Succeeded
from worker_service.providers import ProviderError, TransientError
from worker_service.providers.anthropic import Anthropic
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Dialect
from worker_service.providers.failures import TABLE, Reaction
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server

ROWS = [
    pytest.param(row, id=f"{name}: {row.name}")
    for name, rows in {
        "parts": PARTS,
        "bodies": BODIES,
        "finish reasons": FINISH_REASONS,
        "empty or cut": EMPTY_OR_CUT,
        "text around": AROUND,
        "redirects": REDIRECTS,
        "statuses": STATUSES,
        "shapes of errors": SHAPES,
        "words of errors": WORDS,
        "errors": ERRORS,
        "errors within": WITHIN,
        "waits": WAITS,
        "Anthropic": ANTHROPIC,
    }.items()
    for row in rows
]
DIALECTS: dict[str, Dialect] = {
    "openai": ChatCompletions(),
    "ollama": Ollama(),
    "anthropic": Anthropic(),
}
CALLS = {
    Reaction.REPEAT: 4,
    Reaction.REPEAT_CLOSED: 4,
    Reaction.REPEAT_UNCHARGED: 4,
    Reaction.REPEAT_BRIEFLY: 3,
    Reaction.REASK: 3,
    Reaction.OPEN: 1,
    Reaction.FAIL: 1,
    Reaction.FAIL_UNSENT: 0,
}
ENDS = {
    Reaction.REPEAT: Deferred,
    Reaction.REPEAT_CLOSED: Deferred,
    Reaction.REPEAT_UNCHARGED: Deferred,
    Reaction.REPEAT_BRIEFLY: Failed,
    Reaction.REASK: Failed,
    Reaction.OPEN: Deferred,
    Reaction.FAIL: Failed,
    Reaction.FAIL_UNSENT: Failed,
}


@dataclass(frozen=True, kw_only=True)
class Noting(RetryPolicy):
    """The policy of the service without its pauses; it keeps what each call failed with."""

    errors: list[BaseException] = field(default_factory=list)

    def repeats(self, error: BaseException, *, calls: int) -> bool:
        self.errors.append(error)
        return RetryPolicy.repeats(self, error, calls=calls)

    def outcome(self, error: ProviderError, *, calls: int) -> Failed | Deferred:
        self.errors.append(error)
        return RetryPolicy.outcome(self, error, calls=calls)

    def wait(self, error: BaseException, *, calls: int) -> float:
        del error, calls
        return 0.0


@pytest.mark.parametrize("row", ROWS)
async def test_an_odd_answer_becomes_what_its_row_says(row: Row):
    async def behave(exchange: Exchange) -> None:
        exchange.writer.write(row.answers[min(len(raw.asked), len(row.answers)) - 1])
        await exchange.writer.drain()

    policy = Noting()
    async with raw_server(behave) as raw:
        server = Server(
            "openai",
            DIALECTS[row.protocol],
            address=Address(base_url=raw.url, credential="sk-odd", model="tiny"),
            limits=ProviderLimits(),
            connections=1,
        )
        outcome = await attempted(a_claim(), tools=tools_with(server, policy=policy))
        await server.close()

    if row.kind is None:
        assert isinstance(outcome, Succeeded), policy.errors
        assert outcome.attempts == row.calls
    else:
        rule = TABLE[row.kind]
        assert isinstance(outcome, ENDS[rule.reaction]), policy.errors
        assert outcome.code is rule.code  # type: ignore[union-attr]
        assert outcome.attempts == (row.calls or CALLS[rule.reaction])
    _check_the_failures(row, policy.errors)


def _check_the_failures(row: Row, errors: list[BaseException]) -> None:
    assert errors or row.calls == 1
    for error in errors:
        assert isinstance(error, ProviderError)
        assert row.kind is None or str(error).startswith(row.kind)
        assert row.says in str(error)
    if row.wait is not None:
        first = errors[0]
        assert isinstance(first, TransientError)
        assert first.retry_after == pytest.approx(row.wait, abs=1.5)
