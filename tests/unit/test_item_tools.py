"""What a generator of several calls gets: a permit for each call, and one attempt around them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from schemas.states import Priority
from shared.errors import ErrorCode
from tests.support import poems
from tests.support.model_calls import a_claim, calls_for, tools_with
from tests.support.providers import Scripted
from tests.support.waiting import eventually
from worker_service.claims.circuit import Admission
from worker_service.claims.run import Run
from worker_service.generation.attempt import attempt
from worker_service.generation.calling import ItemRecorded
from worker_service.generation.item_tools import ItemTools
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.tools import GenerationTools
from worker_service.generators.contract import Content, Generator, Item, Tools
from worker_service.outcome import Deferred, Failed, Outcome, Succeeded
from worker_service.prompt import Prompt
from worker_service.providers import Call, Completion, PermanentError, TransientError


@pytest.fixture(autouse=True)
def _poems(monkeypatch: pytest.MonkeyPatch) -> None:
    poems.register(monkeypatch)


def a_poem() -> Run:
    return Run.of(a_claim(entity_type="poem", provider="demo"))


def with_one_permit(provider: Scripted, generator: Generator | None = None) -> GenerationTools:
    return replace(
        tools_with(provider),
        generators={"poem": generator or poems.PoemGenerator()},
        permits=PrioritySemaphore(1),
    )


async def begin(run: Run, tools: GenerationTools) -> asyncio.Task[Outcome]:
    async def attempted() -> Outcome:
        async with run.interruptible() as block:
            return await attempt(run, calls_for(run.claim, tools=tools), tools=tools, block=block)

    task = asyncio.create_task(attempted())
    await asyncio.sleep(0)
    return task


async def take_the_permit(tools: GenerationTools) -> None:
    async with asyncio.timeout(1):
        await tools.permits.acquire(Priority.NORMAL, UUID(int=0))


def stages_of(provider: Scripted) -> list[str]:
    return [call.prompt.system for call in provider.calls]


def holding(provider: Scripted, stage: str) -> Callable[[Call], Completion]:
    """Answer as a poet does, and hold the calls that follow a stage."""

    def behave(call: Call) -> Completion:
        if call.prompt.system == stage:
            provider.gate.clear()
        return poems.a_poet(call)

    return behave


async def test_a_permit_is_free_while_a_retry_waits():
    busy = TransientError(ErrorCode.RATE_LIMITED, "later", retry_after=30.0)
    provider = Scripted(lambda _: busy)
    tools = with_one_permit(provider)
    retrying = await begin(a_poem(), tools)
    await eventually(lambda: provider.calls)

    await take_the_permit(tools)

    assert not retrying.done()
    retrying.cancel()


async def test_a_permit_is_free_between_the_stages_and_after_them():
    provider = Scripted(poems.a_poet)
    tools = with_one_permit(provider)

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*[await begin(a_poem(), tools) for _ in range(3)])

    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert provider.most == 1
    await take_the_permit(tools)


async def test_a_run_that_stops_while_the_first_call_waits_for_its_permit_makes_no_call():
    provider, run = Scripted(poems.a_poet), a_poem()
    tools = with_one_permit(provider)
    await take_the_permit(tools)
    waiting = await begin(run, tools)

    run.stop()

    with pytest.raises(TimeoutError):
        await waiting
    tools.permits.release()
    await take_the_permit(tools)
    assert provider.calls == []


async def a_second_call_that_waits(
    provider: Scripted, tools: GenerationTools, run: Run
) -> tuple[asyncio.Task[Outcome], asyncio.Task[Outcome]]:
    """Let another poem, whose request is older, take the permit between the calls of a run."""
    older = Run.of(replace(run.claim, request_id=UUID(int=1)))
    provider.gate.clear()
    provider.behave = holding(provider, "outline")
    attempting, other = await begin(run, tools), await begin(older, tools)
    provider.gate.set()
    await eventually(lambda: stages_of(provider) == ["outline", "outline"])
    provider.behave = poems.a_poet
    return attempting, other


async def test_a_run_that_stops_while_a_later_call_waits_for_its_permit_goes_on():
    provider, run = Scripted(), a_poem()
    tools = with_one_permit(provider)
    first, second = await a_second_call_that_waits(provider, tools, run)

    run.stop()
    provider.gate.set()

    assert isinstance(await first, Succeeded)
    assert isinstance(await second, Succeeded)


async def test_an_abort_while_a_later_call_waits_for_its_permit_ends_the_attempt():
    provider, run = Scripted(), a_poem()
    tools = with_one_permit(provider)
    first, second = await a_second_call_that_waits(provider, tools, run)

    run.abort()

    with pytest.raises(TimeoutError):
        await first
    provider.gate.set()
    assert isinstance(await second, Succeeded)
    await take_the_permit(tools)


async def test_an_item_that_is_recorded_while_its_first_call_waits_is_not_begun():
    provider, run = Scripted(poems.a_poet), a_poem()
    tools = with_one_permit(provider)
    await take_the_permit(tools)
    waiting = await begin(run, tools)

    run.note_recorded([0])
    tools.permits.release()

    with pytest.raises(ItemRecorded):
        await waiting
    await take_the_permit(tools)
    assert provider.calls == []


class Together:
    """A generator whose two calls are in flight at the same time."""

    async def generate(self, _: Item, tools: Tools) -> Content:
        prompt = Prompt(system="lines", user="")
        made = await asyncio.gather(*(tools.call(prompt, answer=poems.Lines) for _ in range(2)))
        return {"title": "two", "lines": [line for each in made for line in each.lines]}


async def test_calls_at_the_same_time_have_a_permit_each_and_outlast_a_stop():
    provider, run = Scripted(poems.a_poet), a_poem()
    provider.gate.clear()
    attempting = await begin(run, with_one_permit(provider, Together()))
    await eventually(lambda: provider.waiting == 1)

    run.stop()
    provider.gate.set()

    assert isinstance(await attempting, Succeeded)
    assert (len(provider.calls), provider.most) == (2, 1)


class Wrong:
    """A generator whose answers fit, and whose content does not."""

    async def generate(self, _: Item, tools: Tools) -> Content:
        made = await tools.call(Prompt(system="lines", user=""), answer=poems.Lines)
        return {"lines": made.lines}


async def test_content_that_is_no_entity_of_its_type_fails_the_item():
    provider = Scripted(poems.a_poet)

    outcome = await (await begin(a_poem(), with_one_permit(provider, Wrong())))

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.attempts) == (ErrorCode.INVALID_OUTPUT, 1)
    assert "title: Field required" in outcome.message


async def test_a_circuit_that_opens_between_the_stages_defers_the_item_uncounted():
    provider, run = Scripted(), a_poem()
    tools = with_one_permit(provider)

    def open_the_circuit(call: Call) -> Completion:
        circuit = tools.circuit(run.claim)
        admission = circuit.admit(0.0)
        assert isinstance(admission, Admission)
        circuit.refused(admission, ErrorCode.AUTH, now=float("inf"))
        return poems.a_poet(call)

    provider.behave = open_the_circuit

    outcome = await (await begin(run, tools))

    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.attempts, outcome.counted) == (ErrorCode.AUTH, 1, False)
    assert stages_of(provider) == ["outline"]
    await take_the_permit(tools)


async def test_what_ends_an_attempt_is_logged_with_its_stage():
    def refuse_the_lines(call: Call) -> Completion | Exception:
        is_refused = call.prompt.system == "lines"
        return PermanentError(ErrorCode.REFUSED, "no") if is_refused else poems.a_poet(call)

    with capture_logs() as logged:
        await (await begin(a_poem(), with_one_permit(Scripted(refuse_the_lines))))

    stages = {line["event"]: line["stage"] for line in logged if "stage" in line}
    assert stages["provider_call_failed"] == stages["attempt_finished"] == "lines"


async def test_an_attempt_begins_with_its_first_permit():
    run, tools = a_poem(), with_one_permit(Scripted())
    item = Item(
        request_id=UUID(int=1), ordinal=0, entity_type="poem", constraints=poems.Constraints()
    )
    calls = calls_for(run.claim, tools=tools)
    calls.begun = 0.0
    async with run.interruptible() as block:
        lent = ItemTools(run=run, item=item, tools=tools, calls=calls, block=block)

        await lent.wait_for_permit()

        first = calls.begun
        assert first > 0.0
        tools.permits.release()
        await lent.wait_for_permit()
        assert calls.begun == first
