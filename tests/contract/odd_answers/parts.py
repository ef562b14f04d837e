"""Parts of another shape cost themselves, never the answer."""

import json

from tests.support.odd_answers import (
    ENTITY,
    JSON,
    events,
    fails,
    http,
    lines,
    made,
    piece,
    streamed,
    whole,
)
from worker_service.providers.failures import FailureKind

STOP = piece({}, "stop")
DEEP = '{"a": ' * 900 + "1" + "}" * 900
HEAD, TAIL = ENTITY[:60], ENTITY[60:]


def text(words: str) -> dict[str, object]:
    return {"type": "text", "text": words}


def after(*first: object) -> bytes:
    """Return a stream with odd parts before a good answer."""
    return streamed(*first, piece({"content": ENTITY}), STOP)


PARTS = [
    # Content in parts
    made("text parts in a stream", streamed(piece({"content": [text(HEAD), text(TAIL)]}), STOP)),
    made("a part in each chunk", streamed(*(piece({"content": [text(c)]}) for c in ENTITY), STOP)),
    made(
        "thoughts, then text",
        streamed(
            piece({"content": [{"type": "thinking", "thinking": [text("Tea or coffee?")]}]}),
            piece({"content": [{"type": "thinking", "thinking": "Tea."}]}),
            piece({"content": ENTITY}),
            STOP,
        ),
    ),
    made(
        "thoughts and text in a whole answer",
        whole({"content": [{"type": "reasoning", "text": "hm"}, text(HEAD), text(TAIL)]}),
    ),
    made("one part without a list", whole({"content": text(ENTITY)})),
    made("parts that are texts", whole({"content": [HEAD, TAIL]})),
    made("output_text", whole({"content": [{"type": "output_text", "text": ENTITY}]})),
    made("text in a value", whole({"content": [{"type": "text", "text": {"value": ENTITY}}]})),
    made(
        "an image among the parts",
        whole({"content": [{"type": "image_url", "image_url": {"url": "x"}}, text(ENTITY)]}),
    ),
    made("a null part", whole({"content": [None, text(ENTITY), 7]})),
    made(
        "the text of an older protocol",
        http(
            json.dumps({"choices": [{"text": ENTITY, "finish_reason": "stop"}]}), content_type=JSON
        ),
    ),
    made("an object that the server has read", whole({"content": json.loads(ENTITY)})),
    made("the same beside the text", whole({"content": None, "parsed": json.loads(ENTITY)})),
    made("a reference among the parts", after(piece({"content": [{"type": "reference"}]}))),
    # The whole once more
    made(
        "a message after its pieces",
        streamed(
            piece({"content": HEAD}),
            piece({"content": TAIL}),
            {"choices": [{"message": {"content": ENTITY}, "finish_reason": "stop"}]},
        ),
    ),
    made(
        "a last piece with all of them",
        streamed(piece({"content": HEAD}), piece({"content": TAIL}), piece({"content": ENTITY})),
    ),
    # Reasoning of another shape
    made("reasoning is an object", after(piece({"content": "", "reasoning": {"text": "hm"}}))),
    made("reasoning is a list", after(piece({"content": "", "reasoning": [text("hm")]}))),
    made("reasoning is a number", after(piece({"content": "", "reasoning": 7}))),
    made("reasoning is true", after(piece({"content": None, "reasoning_content": True}))),
    made("reasoning_details", after(piece({"reasoning_details": [{"text": "x"}, None]}))),
    # Parts without a choice
    made("choices are null", after({"id": "c", "choices": None, "usage": None})),
    made("no choices", after({"id": "c", "object": "chat.completion.chunk"})),
    made("choices are a text", after({"choices": "none yet"})),
    made("a null choice", after({"choices": [None]})),
    made("choices hold a number", after({"choices": [7]})),
    made("choices are an object", after({"choices": {"delta": {"content": ""}}})),
    made(
        "another event",
        http("event: ping\ndata: {}\n\n" + events(piece({"content": ENTITY}), STOP)),
    ),
    made("an event that says its type", after({"type": "ping"}, {"type": "heartbeat", "n": 1})),
    made("an object of another protocol", after({"response_id": "r-1", "delta": 3})),
    made("a success without choices", after({"code": 200, "message": "success", "data": None})),
    made("a success by another name", after({"code": 0, "msg": "ok"})),
    made(
        "a success in an object",
        after({"choices": None, "base_resp": {"status_code": 0, "status_msg": "success"}}),
    ),
    made("a server at work", after({"status": "processing", "message": "The model thinks"})),
    # Odd values in a choice
    made(
        "a delta that is null",
        streamed(
            piece({"content": ENTITY}), {"choices": [{"delta": None, "finish_reason": "stop"}]}
        ),
    ),
    made("a delta that is a list", after({"choices": [{"delta": []}]})),
    made("a role that is a number", after(piece({"role": 7, "content": None}))),
    made("a model and an id that are numbers", after({**piece(), "model": 7, "id": 12})),
    made("an id that is an object", after({**piece(), "id": {"a": 1}, "model": [1]})),
    made(
        "error is null, false, empty",
        after({**piece(), "error": None}, {**piece(), "error": {}}, {**piece(), "error": ""}),
    ),
    made(
        "an error that says nothing",
        after(
            {**piece(), "error": {"message": None, "code": None}},
            {**piece(), "error": {"message": "", "code": 0}},
            {**piece(), "error": {"message": "success", "code": 200}},
        ),
    ),
    made("a finish reason that is an object", after(piece({}, {}))),
    # Counts
    made("usage is a number", after({**piece(), "usage": 7})),
    made("usage is a list", after({**piece(), "usage": [1, 2]})),
    made("counts are texts", after({**piece(), "usage": {"prompt_tokens": "12"}})),
    made("counts are negative", after({**piece(), "usage": {"prompt_tokens": -3}})),
    made("counts are enormous", after({**piece(), "usage": {"prompt_tokens": 10**30}})),
    made("counts are true", after({**piece(), "usage": {"completion_tokens": True}})),
    made("details are a text", after({**piece(), "usage": {"completion_tokens_details": "none"}})),
    # Ollama
    made(
        "a line without a message",
        lines({"model": "m"}, {"message": {"content": ENTITY}}, {"done": True}),
        protocol="ollama",
    ),
    made(
        "a message in parts",
        lines({"message": {"content": [text(ENTITY)]}, "done": False}, {"done": True}),
        protocol="ollama",
    ),
    made(
        "counts that are no numbers",
        lines({"message": {"content": ENTITY}, "done": True, "eval_count": "x"}),
        protocol="ollama",
    ),
    # Nothing that could be read at all
    fails(
        "no part has choices",
        FailureKind.UNREADABLE,
        streamed({"id": 1}, {"id": 2}),
        says="choices",
    ),
    fails(
        "choices that are null",
        FailureKind.UNREADABLE,
        http('{"choices": null}', content_type=JSON),
    ),
    fails("an object without meaning", FailureKind.UNREADABLE, http("{}", content_type=JSON)),
    fails("content is a number", FailureKind.UNREADABLE, whole({"content": 7}), says="no text"),
    fails(
        "content is nested very deeply",
        FailureKind.SCHEMA_INVALID,
        http(events(f'{{"choices": [{{"delta": {{"content": {DEEP}}}}}]}}')),
    ),
    fails("content is an image", FailureKind.UNREADABLE, whole({"content": [{"type": "image"}]})),
    fails(
        "a page to sign in",
        FailureKind.NO_PROTOCOL,
        http("<html>Sign in</html>", content_type="text/html"),
    ),
    fails(
        "lines without messages",
        FailureKind.UNREADABLE,
        lines({"a": 1}, {"b": 2}),
        protocol="ollama",
    ),
]
