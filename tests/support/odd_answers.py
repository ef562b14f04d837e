"""Answers of model servers as bytes, and the rows of the table that says what becomes of each."""

import json
from dataclasses import dataclass
from typing import Any

from worker_service.providers.failures import FailureKind

EVENTS = "text/event-stream"
LINES = "application/x-ndjson"
JSON = "application/json"
ENTITY = json.dumps(
    {
        "content": "Nous buvons du thé.",
        "translation": "We are drinking tea.",
        "pronoun": "nous",
        "tense": "present",
        "direct_object": "masculine",
        "indirect_object": "none",
        "negation": "none",
        "is_correct": True,
        "explanation": None,
    },
    ensure_ascii=False,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One odd answer: the bytes of the first calls, the last for all others, and what follows.

    `kind` is None where an entity is made; `calls` is said where the reaction to the kind does not
    say it. `wait` is what the provider asks for. `says` stands in the message of the error.
    """

    name: str
    answers: tuple[bytes, ...]
    kind: FailureKind | None = None
    calls: int | None = None
    wait: float | None = None
    says: str = ""
    protocol: str = "openai"


def made(name: str, *answers: bytes, **more: Any) -> Row:
    """Return the row of answers of which the last one is good."""
    return Row(name=name, answers=answers, calls=more.pop("calls", len(answers)), **more)


def fails(name: str, kind: FailureKind, *answers: bytes, **more: Any) -> Row:
    """Return the row of answers that come to a failure."""
    return Row(name=name, answers=answers, kind=kind, **more)


def http(
    body: str | bytes, *headers: str, content_type: str | None = EVENTS, status: str = "200 OK"
) -> bytes:
    """Return an answer of HTTP that closes its connection."""
    sent = body if isinstance(body, bytes) else body.encode()
    typed = [] if content_type is None else [f"Content-Type: {content_type}"]
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(sent)}", "Connection: close"]
    return "\r\n".join([*lines, *typed, *headers, "", ""]).encode() + sent


def events(*parts: object, end: str = "data: [DONE]\n\n") -> str:
    """Return a stream; what is no text is sent as JSON."""
    sent = (part if isinstance(part, str) else json.dumps(part) for part in parts)
    return "".join(f"data: {part}\n\n" for part in sent) + end


def piece(delta: object = None, finish: object = None, **more: object) -> dict[str, Any]:
    """Return a chunk of a chat completion."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "cmpl-7", "model": "tiny", "choices": [choice], **more}


def streamed(*parts: object, end: str = "data: [DONE]\n\n") -> bytes:
    """Return an answer of such parts."""
    return http(events(*parts, end=end))


def telling(text: str, finish: object = "stop") -> bytes:
    """Return a stream that says a text in two pieces."""
    middle = len(text) // 2
    return streamed(
        piece({"content": text[:middle]}), piece({"content": text[middle:]}), piece({}, finish)
    )


def whole(message: object, finish: object = "stop", **more: object) -> bytes:
    """Return a completion that is not streamed."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return http(json.dumps({"id": "w-1", "choices": [choice], **more}), content_type=JSON)


def lines(*parts: object) -> bytes:
    """Return a stream of Ollama."""
    return http("".join(json.dumps(part) + "\n" for part in parts), content_type=LINES)


def refused(status: str, body: object, *headers: str) -> bytes:
    """Return an error answer; a text is sent as it is."""
    sent = body if isinstance(body, str) else json.dumps(body)
    return http(
        sent, *headers, content_type="text/html" if sent.startswith("<") else JSON, status=status
    )


GOOD = telling(ENTITY)
