"""The timers of a call, and the pauses between its reads, by the clock of a test."""

import asyncio
import json

import pytest

from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.event_reader import EventReader
from worker_service.providers.failures import FailureKind
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.pieces import Json
from worker_service.providers.stream import ResponseStream

THOUGHT: Json = {"choices": [{"delta": {"reasoning": "hm"}, "finish_reason": None}]}
PIECE: Json = {"choices": [{"delta": {"content": "{"}, "finish_reason": None}]}
LAST: Json = {"choices": [{"delta": {"content": "}"}, "finish_reason": None}]}
END: Json = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
COUNTS: Json = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}


async def expired(stream: ResponseStream, after: float) -> FailureKind | None:
    """Return what ends a call whose timers are checked after so many seconds of silence."""
    now = asyncio.get_running_loop().time()
    try:
        async with stream.timers:
            stream.check_timers(now + after)
            stream.check_timers(now + after + 1e-3)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return None
    except TimeoutError:
        return stream.timed_out()


def a_stream(*parts: Json, **limits: float) -> ResponseStream:
    stream = ResponseStream(ProviderLimits(**limits))  # type: ignore[arg-type]
    stream.expect_tokens()
    stream.note_read(has_parts=reader(stream).read(json.dumps(part).encode() for part in parts))
    return stream


def reader(stream: ResponseStream) -> EventReader:
    return EventReader(ChatCompletions(), stream.answer)


async def test_by_default_a_model_may_be_silent_for_minutes_before_its_first_token():
    assert await expired(a_stream(), 150) is None
    assert await expired(a_stream(), 301) is FailureKind.FIRST_TOKEN_TIMEOUT


async def test_by_default_a_model_may_be_silent_for_most_of_a_minute_between_tokens():
    assert await expired(a_stream(PIECE), 50) is None
    assert await expired(a_stream(PIECE), 61) is FailureKind.NEXT_TOKEN_TIMEOUT


async def test_a_model_that_thinks_may_pause_for_as_long_as_before_its_first_token():
    assert await expired(a_stream(THOUGHT), 150) is None
    assert await expired(a_stream(THOUGHT), 301) is FailureKind.FIRST_TOKEN_TIMEOUT
    assert await expired(a_stream(THOUGHT, PIECE), 61) is FailureKind.NEXT_TOKEN_TIMEOUT


async def test_a_call_that_is_asked_for_the_whole_answer_may_be_silent_until_its_end():
    stream = ResponseStream(ProviderLimits())

    assert await expired(stream, 890) is None
    assert await expired(ResponseStream(ProviderLimits()), 901) is FailureKind.CALL_TIMEOUT


async def test_the_end_of_a_whole_answer_is_waited_for_a_second_at_most():
    assert await expired(a_stream(PIECE, LAST, END, COUNTS), 0.9) is None
    assert await expired(a_stream(PIECE, LAST, END, COUNTS), 1.1) is not None


async def test_the_counts_of_a_whole_answer_are_waited_for():
    assert await expired(a_stream(PIECE, LAST, END), 4.9) is None
    assert await expired(a_stream(PIECE, LAST, END), 5.1) is not None


async def test_more_of_an_answer_whose_text_has_no_end_yet_is_waited_for():
    assert await expired(a_stream(PIECE, END, COUNTS), 4.9) is None
    assert await expired(a_stream(PIECE, END, COUNTS), 5.1) is not None


async def test_what_is_no_part_after_the_end_prolongs_nothing(monkeypatch: pytest.MonkeyPatch):
    loop, later = asyncio.get_running_loop(), [0.0]
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + later[0])
    stream = a_stream(PIECE, LAST, END, COUNTS)
    later[0] = 0.9

    stream.hear()
    stream.note_read(has_parts=reader(stream).read([b"null"]))

    assert await expired(stream, 0.2) is not None


@pytest.mark.parametrize(
    ("seconds", "pause"),
    [(0.0, 0.0), (0.1, 0.05), (0.2, 0.1), (2.0, 0.1), (6.0, 0.15), (60.0, 0.25)],
    ids=str,
)
async def test_reading_pauses_for_a_small_share_of_its_call_and_a_quarter_of_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch, seconds: float, pause: float
):
    loop = asyncio.get_running_loop()
    now = [loop.time()]
    monkeypatch.setattr(loop, "time", lambda: now[0])
    stream = a_stream(PIECE)
    now[0] += seconds

    stream.hear()

    assert stream.read_pause_seconds == pytest.approx(pause, abs=1e-3)


async def test_nothing_is_waited_for_after_a_whole_answer():
    assert a_stream(PIECE, END).read_pause_seconds == 0
