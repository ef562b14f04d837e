"""A token whose event is like the one before is read as any other event is."""

import json
from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock

import pytest

from worker_service.providers.anthropic import Anthropic
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Answer, Dialect
from worker_service.providers.event_reader import EventReader
from worker_service.providers.ollama import Ollama

FIRST_LETTER_ESCAPED = b'"\\u0061"'
TOKENS = ["Le", " chat", "", " d\u00e9j\u00e0", " \u8d70", ' "dit"', "\\", "\n", " 1", " 1", "}"]


def chunk(content: object, **others: Any) -> bytes:
    delta = {"content": content, **others.pop("delta", {})}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return json.dumps({"id": "c-1", "choices": [choice], **others}).encode()


def of_two(first: str, second: str) -> bytes:
    """Return a chunk of two answers, of which the first counts."""
    choices = [{"delta": {"content": first}}, {"delta": {"content": second}}]
    return json.dumps({"choices": choices}).encode()


def anthropic(text: str, *, kind: str = "text") -> bytes:
    delta = {"type": f"{kind}_delta", kind: text}
    return json.dumps({"type": "content_block_delta", "index": 0, "delta": delta}).encode()


def ollama(content: str, number: int) -> bytes:
    message = {"role": "assistant", "content": content}
    return json.dumps({"created_at": number, "message": message, "done": False}).encode()


STREAMS: Mapping[str, tuple[Dialect, list[bytes]]] = {
    "tokens": (ChatCompletions(), [chunk(token) for token in TOKENS]),
    "tokens in their letters": (
        ChatCompletions(),
        [chunk(token).decode("unicode_escape").encode() for token in ("a", "\u00e9", "\u8d70")],
    ),
    "half a letter": (ChatCompletions(), [chunk("a"), chunk("b").replace(b"b", b"\\ud83d")]),
    "bytes of no letter": (ChatCompletions(), [chunk("a"), chunk("b").replace(b'"b"', b'"\xff"')]),
    "more behind the text": (
        ChatCompletions(),
        [chunk("a"), chunk("a").replace(b'"a"', b'"b", "refusal": "no"'), chunk("c")],
    ),
    "two answers at once": (
        ChatCompletions(),
        [of_two("a", "a"), of_two("a", "b"), of_two("c", "b"), of_two("c", "d")],
    ),
    "the same text elsewhere": (
        ChatCompletions(),
        [chunk("a", id={"text": "a"}), chunk("a", id={"text": "b"}), chunk("c", id={"text": "b"})],
    ),
    "the text in other letters elsewhere": (
        ChatCompletions(),
        [chunk("x", id=each).replace(b'"x"', FIRST_LETTER_ESCAPED) for each in "ab"],
    ),
    "a text that is a key": (ChatCompletions(), [chunk("index"), chunk("content"), chunk("id")]),
    "thoughts beside the text": (
        ChatCompletions(),
        [chunk(each, delta={"reasoning": "hm"}) for each in "abc"],
    ),
    "thoughts, then text": (
        ChatCompletions(),
        [*(chunk(None, delta={"reasoning": each}) for each in "abc"), chunk("d"), chunk("e")],
    ),
    "counts in each": (
        ChatCompletions(),
        [chunk(t, usage={"completion_tokens": n // 2}) for n, t in enumerate("abcdef")],
    ),
    "a time in each": (ChatCompletions(), [chunk(str(n), created=n // 3) for n in range(40)]),
    "an end in each": (
        ChatCompletions(),
        [chunk(each).replace(b"null", b'"stop"') for each in "abc"],
    ),
    "ends between": (ChatCompletions(), [chunk("a"), chunk("b"), b"[DONE]", chunk("c")]),
    "no text in its place": (
        ChatCompletions(),
        [chunk("a"), chunk("b"), chunk("x").replace(b'"x"', b"7"), chunk(["c"]), chunk("d")],
    ),
    "refusals": (
        ChatCompletions(),
        [chunk("a"), *(chunk(None, delta={"refusal": each}) for each in "no"), chunk("b")],
    ),
    "Anthropic": (
        Anthropic(),
        [*(anthropic(each, kind="thinking") for each in "hm"), *map(anthropic, TOKENS)],
    ),
    "Ollama": (Ollama(), [ollama(token, n // 4) for n, token in enumerate(TOKENS)]),
}


@pytest.mark.parametrize(("dialect", "events"), STREAMS.values(), ids=STREAMS)
def test_an_answer_is_the_same_whether_its_events_are_alike(dialect: Dialect, events: list[bytes]):
    answer, one_by_one = Answer(), Answer()

    EventReader(dialect, answer).read(events)
    for event in events:
        EventReader(dialect, one_by_one).read([event])

    assert answer == one_by_one


def test_most_tokens_are_read_without_their_events(monkeypatch: pytest.MonkeyPatch):
    read = Mock(side_effect=ChatCompletions().read)
    monkeypatch.setattr(ChatCompletions, "read", read)
    answer = Answer()

    EventReader(ChatCompletions(), answer).read(chunk(f"{n} ") for n in range(100))

    assert answer.length == 100
    assert read.call_count == 1


def test_a_stream_whose_events_all_differ_is_given_up(monkeypatch: pytest.MonkeyPatch):
    reader = EventReader(ChatCompletions(), Answer())
    reader.read(chunk(f"{n} ", created=n) for n in range(20))
    read = Mock()
    monkeypatch.setattr(ChatCompletions, "read", read)

    reader.read([chunk("20 ", created=19), chunk("21 ", created=19)])

    assert read.call_count == 2
