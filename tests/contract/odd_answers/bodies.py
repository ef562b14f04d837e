"""Media types and codings that say something else than the body, and odd events."""

import gzip
import json
import zlib

from tests.support.odd_answers import (
    ENTITY,
    JSON,
    LINES,
    events,
    fails,
    http,
    lines,
    made,
    piece,
    refused,
    telling,
    whole,
)
from worker_service.providers.failures import FailureKind

STREAM = events(piece({"content": ENTITY}), piece({}, "stop"))
COMPLETION = json.dumps({"choices": [{"message": {"content": ENTITY}, "finish_reason": "stop"}]})
CHATTED = (
    json.dumps({"message": {"content": ENTITY}, "done": False})
    + "\n"
    + json.dumps({"message": {"content": ""}, "done": True})
    + "\n"
)
LAST = json.dumps(piece({"content": ENTITY}, "stop"))

BODIES = [
    *(
        made(f"a stream as {media_type}", http(STREAM, content_type=media_type))
        for media_type in (
            "Text/Event-Stream; Charset=UTF-8",
            "text/event-stream; charset=utf8mb4",
            "text/event-stream;charset=iso-8859-1",
            "TEXT/PLAIN",
            "application/octet-stream",
            "nonsense",
            JSON,
            LINES,
            None,
        )
    ),
    *(
        made(f"JSON as {media_type}", http(COMPLETION, content_type=media_type))
        for media_type in (
            "APPLICATION/JSON",
            "application/json; charset=iso-8859-1",
            "application/vnd.api+json",
            "text/event-stream",
            "text/html",
            None,
        )
    ),
    *(
        made(f"lines as {media_type}", http(CHATTED, content_type=media_type), protocol="ollama")
        for media_type in (
            "application/x-ndjson; charset=utf-8",
            "Application/X-NDJSON",
            "application/jsonl",
            "text/plain",
            JSON,
            None,
        )
    ),
    *(
        made(f"packed as {name}", http(packed, f"Content-Encoding: {name}", content_type=kind))
        for name, packed, kind in (
            ("gzip", gzip.compress(STREAM.encode()), "text/event-stream"),
            ("GZIP", gzip.compress(COMPLETION.encode()), JSON),
            ("x-gzip", gzip.compress(STREAM.encode()), None),
            ("deflate", zlib.compress(COMPLETION.encode()), JSON),
        )
    ),
    made(
        "packed twice",
        http(
            gzip.compress(zlib.compress(STREAM.encode())),
            "Content-Encoding: deflate, gzip",
        ),
    ),
    made(
        "packed once, and said to be twice",
        http(gzip.compress(STREAM.encode()), "Content-Encoding: gzip", "Content-Encoding: gzip"),
    ),
    made("packed in silence", http(gzip.compress(STREAM.encode()))),
    made("said to be packed", http(STREAM, "Content-Encoding: gzip")),
    made("no coding", http(STREAM, "Content-Encoding: ")),
    made("identity", http(STREAM, "Content-Encoding: Identity")),
    fails(
        "a coding that is unknown",
        FailureKind.UNREADABLE,
        http(b"\x8b\x02\x80" * 30, "Content-Encoding: br"),
        says="br",
    ),
    made("a coding that is none", http(STREAM, "Content-Encoding: utf-8")),
    made("JSON that is said to be deflated", http(COMPLETION, "Content-Encoding: deflate")),
    made(
        "packed, and padded",
        http(gzip.compress(COMPLETION.encode()) + b"\0" * 9, "Content-Encoding: gzip"),
    ),
    made(
        "packed in two members",
        http(gzip.compress(STREAM[:80].encode()) + gzip.compress(STREAM[80:].encode())),
    ),
    fails(
        "a packed error",
        FailureKind.CREDENTIAL_REFUSED,
        http(
            gzip.compress(b'{"error": "API key expired"}'),
            "Content-Encoding: gzip",
            content_type=JSON,
            status="400 Bad Request",
        ),
        says="expired",
    ),
    fails(
        "an error in UTF-16",
        FailureKind.BAD_REQUEST,
        http('{"error": "nope"}'.encode("utf-16"), content_type=JSON, status="400 Bad Request"),
        says="nope",
    ),
    fails(
        "an error that is very long",
        FailureKind.BAD_REQUEST,
        refused("400 Bad Request", "<html><title>Too odd</title>" + "x" * 300_000),
        says="Too odd",
    ),
    made("JSON with a byte-order mark", http("\ufeff" + COMPLETION, content_type=JSON)),
    made("a stream with a byte-order mark", http("\ufeff" + STREAM)),
    made("JSON after white space", http("\n \n" + COMPLETION, content_type=JSON)),
    made("JSON in several lines", http(json.dumps(json.loads(COMPLETION), indent=1))),
    made("one line without a reason", whole({"content": ENTITY}, None)),
    # Odd events
    made("a comment as data", http("data: : PROCESSING\n\n" + STREAM)),
    made("empty data", http("data:\n\ndata: \n\n" + STREAM)),
    made("data that is no JSON", http("data: connected\n\ndata: {oops\n\n" + STREAM)),
    made(
        "data that is no object",
        http('data: []\n\ndata: "hi"\n\ndata: 7\n\ndata: null\n\n' + STREAM),
    ),
    made(
        "a count of 5,000 digits",
        http('data: {"usage": {"prompt_tokens": 1' + "0" * 5000 + "}}\n\n" + STREAM),
    ),
    made(
        "such a count beside the text",
        http(f'data: {LAST[:-1]}, "usage": {{"n": 1{"0" * 5000}}}}}\n\n'),
    ),
    made(
        "the end in small letters", http(events(piece({"content": ENTITY}), end="data: [done]\n\n"))
    ),
    made("no empty line at the end", http(f"data: {LAST}\n")),
    made("no line feed at the end", http(f"data: {LAST}")),
    made(
        "a line that is no JSON",
        http("connected\n" + CHATTED, content_type=LINES),
        protocol="ollama",
    ),
    made("NDJSON of OpenAI", lines(piece({"content": ENTITY}), piece({}, "stop"))),
    *(
        made(f"the end as {end}", http(events(piece({"content": ENTITY}), end=f"data: {end}\n\n")))
        for end in ('"[DONE]"', "DONE", " [DONE] ", '{"done": true}', "{}")
    ),
    made("no end at all", http(events(piece({"content": ENTITY}), end=""))),
    made("no end but white space", http(events(piece({"content": ENTITY + "\n"}), end=""))),
    made("lines of data without empty lines", http(STREAM.replace("\n\n", "\n"))),
    made("two objects in one event", http(STREAM.replace("\n\ndata: {", "{"))),
    made(
        "objects between separators",
        http(STREAM.replace("data: [DONE]", "").replace("data: ", "\x1e"), content_type=JSON),
    ),
    made("a very long header", http(STREAM, "X-Policy: " + "a" * 12_000)),
    made("very many headers", http(STREAM, *(f"X-{number}: 1" for number in range(300)))),
    fails("an empty body", FailureKind.EMPTY, http("", content_type=JSON)),
    fails("204", FailureKind.EMPTY, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    fails(
        "a page",
        FailureKind.NO_PROTOCOL,
        http("<html>Sign in</html>", content_type="text/html"),
        says="JSON",
    ),
    fails(
        "text", FailureKind.NO_PROTOCOL, http("all is well", content_type="text/plain"), says="JSON"
    ),
    fails("a page in a stream", FailureKind.NO_PROTOCOL, http("data: <html>\n\n"), says="JSON"),
    fails("half of JSON", FailureKind.UNREADABLE, http('{"choices": [{"mess', content_type=JSON)),
    fails("a number", FailureKind.NO_PROTOCOL, http("7", content_type=JSON), says="object"),
    made("twice", http(""), telling(ENTITY)),
]
