"""Anthropic's Messages, as they should be and as they are."""

import json
from collections.abc import Mapping

from tests.support.odd_answers import ENTITY, JSON, fails, http, made, refused
from worker_service.providers.failures import FailureKind

PROTOCOL = "anthropic"
START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "tiny",
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
}
STOP = {"type": "message_stop"}
END = {"stop_reason": "end_turn"}


def delta(**more: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": more}


def text(words: str) -> dict[str, object]:
    return delta(type="text_delta", text=words)


def end(reason: object = "end_turn", tokens: object = 15) -> dict[str, object]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": tokens},
    }


def events(*parts: Mapping[str, object]) -> bytes:
    return http(
        "".join(f"event: {part.get('type')}\ndata: {json.dumps(part)}\n\n" for part in parts)
    )


def whole(*blocks: object, reason: str = "end_turn") -> bytes:
    message = {**START["message"], "content": blocks, "stop_reason": reason}  # type: ignore[dict-item]
    return http(json.dumps(message), content_type=JSON)


def error(kind: str, message: str = "x") -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


GOOD = events(START, text(ENTITY[:50]), {"type": "ping"}, text(ENTITY[50:]), end(), STOP)
LOW = "Your credit balance is too low to access the Anthropic API."

ANTHROPIC = [
    made("a stream", GOOD, protocol=PROTOCOL),
    made("a whole message", whole({"type": "text", "text": ENTITY}), protocol=PROTOCOL),
    made(
        "thoughts first",
        events(
            START,
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
            delta(type="thinking_delta", thinking="Tea?"),
            delta(type="signature_delta", signature="EqQB"),
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "content_block": {"type": "text", "text": ENTITY[:9]}},
            text(ENTITY[9:]),
            end(),
            STOP,
        ),
        protocol=PROTOCOL,
    ),
    made("no reason but the end", events(START, text(ENTITY), end(None), STOP), protocol=PROTOCOL),
    made("the end alone", events(START, text(ENTITY), STOP), protocol=PROTOCOL),
    fails(
        "half and the end",
        FailureKind.INCOMPLETE,
        events(START, text("{"), STOP),
        protocol=PROTOCOL,
    ),
    made(
        "an end without counts",
        events(
            START, text(ENTITY), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
        ),
        protocol=PROTOCOL,
    ),
    made(
        "a message without its type",
        http(
            json.dumps({"content": [{"type": "text", "text": ENTITY}], "stop_reason": "end_turn"})
        ),
        protocol=PROTOCOL,
    ),
    made(
        "events that are new, and odd values",
        events({"type": "tomorrow"}, {"type": 7}, START, delta(), text(ENTITY), end(tokens="x")),
        protocol=PROTOCOL,
    ),
    *(
        fails(
            f"stop reason {reason}", kind, events(START, text("{"), end(reason)), protocol=PROTOCOL
        )
        for reason, kind in (
            ("max_tokens", FailureKind.TRUNCATED),
            ("model_context_window_exceeded", FailureKind.TRUNCATED),
            ("refusal", FailureKind.REFUSED),
            ("tool_use", FailureKind.TOOL_CALLED),
        )
    ),
    fails("an empty message", FailureKind.EMPTY, events(START, end(), STOP), protocol=PROTOCOL),
    fails("cut off", FailureKind.CONNECTION_LOST, events(START, text("{")), protocol=PROTOCOL),
    fails("another protocol", FailureKind.UNREADABLE, events({"id": 1}), protocol=PROTOCOL),
    *(
        fails(f"{kind.name} inside", kind, events(START, error(*said)), protocol=PROTOCOL)
        for kind, said in (
            (FailureKind.UNAVAILABLE, ("overloaded_error", "Overloaded")),
            (FailureKind.UNAVAILABLE, ("api_error", "Internal server error")),
            (FailureKind.RATE_LIMITED, ("rate_limit_error", "x")),
            (FailureKind.CREDENTIAL_REFUSED, ("authentication_error", "invalid x-api-key")),
        )
    ),
    *(
        fails(f"{status} {kind.name}", kind, refused(status, error(*said)), protocol=PROTOCOL)
        for status, kind, said in (
            ("400 Bad Request", FailureKind.QUOTA_EXHAUSTED, ("invalid_request_error", LOW)),
            (
                "400 Bad Request",
                FailureKind.CONTEXT_TOO_LONG,
                ("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
            ),
            ("401 Unauthorized", FailureKind.CREDENTIAL_REFUSED, ("authentication_error",)),
            ("403 Forbidden", FailureKind.CREDENTIAL_REFUSED, ("permission_error",)),
            ("404 Not Found", FailureKind.NOT_FOUND, ("not_found_error", "model: tiny")),
            ("413 Too Large", FailureKind.CONTEXT_TOO_LONG, ("request_too_large",)),
            ("429 Too Many", FailureKind.RATE_LIMITED, ("rate_limit_error",)),
            ("500 Error", FailureKind.UNAVAILABLE, ("api_error",)),
            ("529 Overloaded", FailureKind.UNAVAILABLE, ("overloaded_error",)),
        )
    ),
]
