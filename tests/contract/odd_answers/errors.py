"""Errors: their shapes, what their words mean, those inside a 200, and the waits they ask for."""

import json

from tests.support.odd_answers import (
    ENTITY,
    GOOD,
    JSON,
    Row,
    events,
    fails,
    http,
    lines,
    made,
    piece,
    refused,
    streamed,
)
from worker_service.providers.failures import FailureKind

BAD, FORBIDDEN, LIMITED = "400 Bad Request", "403 Forbidden", "429 Too Many Requests"
UNPROCESSABLE = "422 Unprocessable Entity"
HALF = piece({"content": ENTITY[:30]})
SAID = "top_k is out of range"


def error(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, **more}}


def said(name: str, body: object) -> Row:
    """Return the row of a body whose words must be found."""
    return fails(name, FailureKind.BAD_REQUEST, refused(BAD, body), says=SAID)


SHAPES = [
    # Members that no list of names foresees
    said("by the name of a field", {"errors": {"top_k": [SAID]}}),
    said("by the name of a field alone", {"top_k": [SAID]}),
    said("an error by the name of a field", {"error": {"top_k": SAID}}),
    said("errmsg", {"errcode": 40001, "errmsg": SAID}),
    said("a response", {"Response": {"Error": {"Code": "Invalid", "Message": SAID}}}),
    said("metadata", {"ResponseMetadata": {"Error": {"Message": SAID, "CodeN": 1}}}),
    said("a header", {"header": {"code": 10013, "message": SAID}}),
    said("data of a failure", {"status": "fail", "data": {"message": SAID}}),
    said("a result", {"result": {"error": SAID}}),
    said("a hint", {"error": {"hint": SAID}}),
    said("texts in a list", [SAID, "x"]),
    said("XML", f"<?xml version='1.0'?><Error><Message>{SAID}</Message></Error>"),
    # Members that are known
    said("flat", {"object": "error", "message": SAID, "type": "BadRequestError", "code": 400}),
    said("flat, as msg", {"code": 1210, "msg": SAID}),
    said("detail is a text", {"detail": SAID}),
    said(
        "detail is a list", {"detail": [{"loc": ["body", "top_k"], "msg": SAID, "type": "value"}]}
    ),
    said("detail in a message", {"object": "error", "message": {"detail": [{"msg": SAID}]}}),
    said("a list of errors", [{"error": {"code": 400, "message": SAID, "status": "BAD"}}]),
    said("errors", {"errors": [{"message": SAID, "code": 7}]}),
    said("errors are texts", {"success": False, "errors": [SAID]}),
    said("error is a text", {"error": SAID}),
    said("error within an error", {"error": {"error": {"message": SAID}}}),
    said("a problem of RFC 9457", {"title": "Bad", "status": 400, "detail": SAID}),
    said("base_resp", {"base_resp": {"status_code": 2013, "status_msg": SAID}}),
    said("error_message", {"error_code": 17, "error_message": SAID}),
    said("a fault", {"fault": {"faultstring": SAID, "detail": {"errorcode": "x.y"}}}),
    said("JSON in a message", error(json.dumps({"error": {"message": SAID}}))),
    said("the raw error of a router", error("Provider returned error", metadata={"raw": SAID})),
    said(
        "the raw error is JSON",
        error(
            "Provider returned error", metadata={"raw": json.dumps({"error": {"message": SAID}})}
        ),
    ),
    said("text", SAID),
    said("a page", f"<html><head><title>{SAID}</title></head><body>nginx</body></html>"),
    said("a page without a title", f"<html><body><p>{SAID}</p></body></html>"),
    fails(
        "the place is shown",
        FailureKind.BAD_REQUEST,
        refused(UNPROCESSABLE, {"detail": [{"loc": ["body", "top_k"], "msg": "is odd"}]}),
        says="body.top_k",
    ),
    fails("a number", FailureKind.BAD_REQUEST, refused(BAD, "7")),
    fails("null", FailureKind.BAD_REQUEST, refused(BAD, "null")),
    fails("nothing", FailureKind.BAD_REQUEST, refused(BAD, "")),
    fails("nested very deeply", FailureKind.BAD_REQUEST, refused(BAD, "[" * 30_000)),
]
ERRORS = [
    fails(
        "a word of case is no policy",
        FailureKind.BAD_REQUEST,
        refused(BAD, error("Names are case-sensitive")),
    ),
    fails(
        "a limit of the output is no context",
        FailureKind.BAD_REQUEST,
        refused(BAD, error("max_tokens is too large: 9. It supports at most 8")),
    ),
    fails(
        "404 in a list",
        FailureKind.NOT_FOUND,
        refused("404 Not Found", [error("models/x is not found")]),
    ),
    fails(
        "404 that names a model",
        FailureKind.NOT_FOUND,
        refused("404 Not Found", error("x", code="model_not_found")),
    ),
    fails(
        "a reason in Latin 1",
        FailureKind.BAD_REQUEST,
        b"HTTP/1.1 400 Refus\xe9\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    ),
    fails(
        "EOF of the engine",
        FailureKind.UNAVAILABLE,
        refused("500 Internal", error("unexpected EOF")),
    ),
]


def within(body: object) -> bytes:
    """Return a stream that breaks off with an error."""
    return streamed(HALF, body)


_DEEP = '{"a": ' * 900 + "1" + "}" * 900
WITHIN = [
    fails(
        "nested very deeply",
        FailureKind.UNAVAILABLE,
        http(events(HALF, f'{{"error": {_DEEP}}}')),
    ),
    fails("number 429.0", FailureKind.RATE_LIMITED, within(error("slow", code=429.0))),
    fails(
        "a number and its words", FailureKind.RATE_LIMITED, within(error("x", status="429 Slow"))
    ),
    fails(
        "a type of AWS",
        FailureKind.RATE_LIMITED,
        within({"__type": "com.amazon#ThrottlingException", "message": "slow"}),
    ),
    fails(
        "beside choices",
        FailureKind.UPSTREAM_TIMEOUT,
        within({**piece({"content": ""}, "error"), "error": {"code": 504, "message": "late"}}),
        says="late",
    ),
    fails(
        "without a key",
        FailureKind.CREDENTIAL_REFUSED,
        within({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}}),
    ),
    fails(
        "text of an event",
        FailureKind.UNAVAILABLE,
        http(events(HALF, end="event: error\ndata: Internal Server Error\n\n")),
        says="Internal Server Error",
    ),
    fails("number 400", FailureKind.BAD_REQUEST, within(error("bad", code=400)), says="bad"),
    fails(
        "text 400", FailureKind.BAD_REQUEST, within(error("litellm.BadRequestError", code="400"))
    ),
    fails(
        "text 401",
        FailureKind.CREDENTIAL_REFUSED,
        within(error("no", type="auth_error", code="401")),
    ),
    fails("a key", FailureKind.CREDENTIAL_REFUSED, within(error("Incorrect API key provided"))),
    fails(
        "authentication_error",
        FailureKind.CREDENTIAL_REFUSED,
        within(error("x", type="authentication_error")),
    ),
    fails(
        "status of gRPC",
        FailureKind.CREDENTIAL_REFUSED,
        within(error("x", status="UNAUTHENTICATED")),
    ),
    fails(
        "another name", FailureKind.RATE_LIMITED, within({"error_code": 429, "error_msg": "slow"})
    ),
    fails("a status", FailureKind.RATE_LIMITED, within({"status": 429, "message": "slow"})),
    fails("a status code", FailureKind.RATE_LIMITED, within({"statusCode": "429"})),
    fails(
        "tokens of a minute",
        FailureKind.RATE_LIMITED,
        within({"error": "tokens per minute exceeded the limit of 6000"}),
    ),
    fails(
        "tokens of a rate",
        FailureKind.RATE_LIMITED,
        within({"message": "Too many tokens, please wait before trying again."}),
    ),
    fails("rate words", FailureKind.RATE_LIMITED, within({"error": "Too many requests"})),
    fails("a filter", FailureKind.MODERATED, within(error("filtered", code="content_filter"))),
    fails(
        "a filter in words", FailureKind.MODERATED, within({"error": "violates our usage policies"})
    ),
    fails(
        "a filter flat",
        FailureKind.MODERATED,
        within({"code": "DataInspectionFailed", "message": "x"}),
    ),
    fails(
        "credit",
        FailureKind.QUOTA_EXHAUSTED,
        within({"message": "Insufficient credits", "code": 402}),
    ),
    fails(
        "overloaded",
        FailureKind.UNAVAILABLE,
        http('event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}\n\n'),
    ),
    fails(
        "flat",
        FailureKind.UNAVAILABLE,
        within({"message": "runner stopped", "code": 500}),
        says="runner",
    ),
    fails(
        "a text", FailureKind.UNAVAILABLE, within({"error": "context canceled"}), says="canceled"
    ),
    fails("detail", FailureKind.UNAVAILABLE, within({"detail": "engine died"}), says="engine died"),
    fails(
        "a deadline of gRPC",
        FailureKind.UPSTREAM_TIMEOUT,
        within(error("x", status="DEADLINE_EXCEEDED")),
    ),
    fails(
        "a number in a text",
        FailureKind.UPSTREAM_TIMEOUT,
        within({"error": "upstream status: 504"}),
    ),
    fails(
        "in a whole body",
        FailureKind.CONTEXT_TOO_LONG,
        http(
            json.dumps({"object": "error", "message": "maximum context length is 8", "code": 400}),
            content_type=JSON,
        ),
    ),
    fails("in a choice", FailureKind.RATE_LIMITED, within({"choices": [{"error": {"code": 429}}]})),
    fails(
        "in a line",
        FailureKind.UNAVAILABLE,
        lines({"message": {"content": "{"}}, {"error": "CUDA error"}),
        protocol="ollama",
        says="CUDA",
    ),
    fails(
        "flat in a line",
        FailureKind.RATE_LIMITED,
        lines({"message": "Too many requests", "code": 429}),
        protocol="ollama",
    ),
    fails(
        "a list",
        FailureKind.RATE_LIMITED,
        http(json.dumps([error("slow", code=429)]), content_type=JSON),
        says="slow",
    ),
    fails(
        "an exception of Bedrock",
        FailureKind.RATE_LIMITED,
        within({"throttlingException": {"message": "Slow"}}),
        says="Slow",
    ),
    fails(
        "its exception with a number",
        FailureKind.UNAVAILABLE,
        within({"modelStreamErrorException": {"message": "odd", "originalStatusCode": 500}}),
    ),
    fails(
        "a page of Cloudflare",
        FailureKind.UNAVAILABLE,
        http("<html><title>h | 524: A timeout occurred</title>", content_type="text/html"),
        says="524",
    ),
    fails("a list as an event", FailureKind.RATE_LIMITED, within([error("slow", code=429)])),
    *(
        fails(
            f"text {number} as {content_type}",
            FailureKind.UNAVAILABLE,
            http("upstream connect error or disconnect" + end, content_type=content_type),
            says="upstream connect error",
        )
        for number, end in enumerate(("", "\r\n"))
        for content_type in (JSON, "text/plain", "text/event-stream", None)
    ),
    fails(
        "text as an event",
        FailureKind.UNAVAILABLE,
        http("event: error\ndata: no healthy upstream\n\n"),
        says="no healthy upstream",
    ),
    fails(
        "text in the middle",
        FailureKind.RATE_LIMITED,
        http(events(HALF, "Rate limit exceeded", end="")),
        says="Rate limit",
    ),
    *(
        fails(
            f"a page of status 200 as {content_type}",
            FailureKind.UNAVAILABLE,
            http(
                "<html>\n<head><title>502 Bad Gateway</title></head>\n<body></body>\n</html>",
                content_type=content_type,
            ),
            says="502 Bad Gateway",
        )
        for content_type in ("text/html", "text/event-stream", "application/x-ndjson")
    ),
    made(
        "after the end",
        streamed(piece({"content": ENTITY}), piece({}, "stop"), error("late", code=500)),
    ),
    made("once", within(error("x", code=502)), GOOD),
]
