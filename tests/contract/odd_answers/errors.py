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
_ACCOUNT = (
    (BAD, error("Your credit balance is too low to access the API. Go to Plans & Billing.")),
    (BAD, error("Billing hard limit has been reached", code="billing_hard_limit_reached")),
    (BAD, {"detail": "Insufficient balance, please recharge"}),
    (FORBIDDEN, error("Key limit exceeded (monthly limit)", code=403)),
    (FORBIDDEN, {"code": "Arrearage", "message": "Access denied"}),
    (FORBIDDEN, error("Billing is disabled for this project")),
    ("402 Payment Required", {"message": "no money"}),
    (
        LIMITED,
        error("You exceeded your current quota, please check your plan and billing details."),
    ),
    (LIMITED, error("x", type="insufficient_quota")),
    ("401 Unauthorized", error("Your account has insufficient credits")),
    (BAD, error("You have reached your specified API usage limits.")),
    ("401 Unauthorized", error("ExceededBudget: User=x over budget", type="budget_exceeded")),
)
_CREDENTIAL = (
    (
        BAD,
        [
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "details": [{"reason": "API_KEY_INVALID"}],
                }
            }
        ],
    ),
    (BAD, {"error": "API key expired. Please renew the API key."}),
    (BAD, error("Missing Authorization header")),
    (FORBIDDEN, error("Invalid API-key provided.")),
    (FORBIDDEN, "<html><title>Attention Required! | Cloudflare</title></html>"),
    ("401 Unauthorized", {"detail": "No auth credentials found"}),
    ("422 Unprocessable Entity", {"detail": "invalid access token"}),
    (BAD, error("This organization has been disabled.")),
    (BAD, [error("User location is not supported for the API use.")]),
)
_MODEL = (
    (FORBIDDEN, error("Project does not have access to model", code="model_not_found")),
    (FORBIDDEN, {"detail": "You must accept the terms of this model first"}),
    (FORBIDDEN, error("Model tiny is gated for this account")),
    (BAD, {"detail": "The model `tiny` does not exist"}),
    (BAD, error("tiny is not a model", code="invalid_model")),
    (BAD, error("Your plan gives no access to this model")),
    (BAD, {"message": "The provided model identifier is invalid."}),
    (BAD, error("tinny is not a valid model ID", code=400)),
)
_POLICY = (
    (BAD, error("x", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
    (BAD, {"code": "DataInspectionFailed", "message": "Input data may contain bad content"}),
    (BAD, error("Your request was rejected by our safety system")),
    (FORBIDDEN, error("It requires moderation", metadata={"reasons": ["violence"]})),
    (UNPROCESSABLE, {"detail": "the prompt was flagged"}),
    (BAD, error("Content Exists Risk", code="invalid_request_error")),
    ("451 Unavailable For Legal Reasons", error("blocked")),
)
_CONTEXT = (
    (BAD, {"object": "error", "message": "This model's maximum context length is 4096 tokens"}),
    (BAD, error("prompt is too long: 210000 tokens > 200000 maximum")),
    (BAD, error("Input tokens exceed the configured limit of 272000 tokens.")),
    (BAD, {"error": "the request exceeds the available context size"}),
    (BAD, [{"error": {"message": "The input token count (9) exceeds the maximum number (8)"}}]),
    (UNPROCESSABLE, {"error": "`inputs` must have less than 4095 tokens. Given: 5000"}),
    (UNPROCESSABLE, {"error": "`inputs` tokens + `max_new_tokens` exceed the model limit"}),
    (
        "413 Payload Too Large",
        error("Request too large (TPM): Limit 6, Requested 12", code="rate_limit_exceeded"),
    ),
)
_LOAD = (
    ("498 Capacity Exceeded", error("flex tier capacity exceeded", type="capacity_exceeded")),
    (BAD, error("The server is currently overloaded, please try again later")),
    (BAD, error("x", type="overloaded_error")),
    (FORBIDDEN, {"detail": "the model is loading"}),
    (BAD, {"error": "Model unloaded."}),
    (BAD, {"error": "The model has crashed without additional information. (Exit code: 5)"}),
    (BAD, {"error": "No models loaded. Please load a model."}),
    ("424 Failed", {"error": "Server error: CUDA out of memory", "error_type": "generation"}),
    ("424 Failed", {"error": "Incomplete generation", "error_type": "incomplete_generation"}),
    (UNPROCESSABLE, {"message": "no capacity left, high demand"}),
    ("499 Client Closed Request", error("client closed", code=499)),
    ("529 Overloaded", {"type": "error", "error": {"type": "overloaded_error"}}),
)
_JSON_MODE = (
    (
        BAD,
        error("Failed to generate JSON. Please adjust your prompt.", code="json_validate_failed"),
    ),
    (BAD, error("the model broke off", failed_generation='{"content"')),
    (UNPROCESSABLE, {"detail": "Failed to produce valid JSON"}),
    (BAD, {"message": "the model returned malformed JSON"}),
)
_RATE = (
    (BAD, error("x", code="rate_limit_exceeded")),
    (FORBIDDEN, {"message": "Rate limit exceeded for this endpoint"}),
    (LIMITED, {"object": "error", "message": "Rate limit exceeded", "code": "1300"}),
    (LIMITED, error("See https://console.example/settings/billing for higher limits")),
    ("503 Service Unavailable", [{"error": {"status": "RESOURCE_EXHAUSTED"}}]),
)
WORDS = [
    fails(f"{kind.name} {number}", kind, refused(*answer))
    for kind, answers in {
        FailureKind.QUOTA_EXHAUSTED: _ACCOUNT,
        FailureKind.CREDENTIAL_REFUSED: _CREDENTIAL,
        FailureKind.MODEL_REFUSED: _MODEL,
        FailureKind.MODERATED: _POLICY,
        FailureKind.CONTEXT_TOO_LONG: _CONTEXT,
        FailureKind.UNAVAILABLE: _LOAD,
        FailureKind.GENERATION_FAILED: _JSON_MODE,
        FailureKind.RATE_LIMITED: _RATE,
    }.items()
    for number, answer in enumerate(answers)
]
ERRORS = [
    made("JSON mode fails once", refused(*_JSON_MODE[0]), GOOD),
    made("overloaded once", refused(*_LOAD[1]), GOOD),
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


WITHIN = [
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
        "a number in words", FailureKind.UPSTREAM_TIMEOUT, within({"error": "upstream status: 504"})
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


def later(name: str, seconds: float, answer: bytes) -> Row:
    """Return the row of an answer that asks for a wait."""
    return made(name, answer, GOOD, wait=seconds)


_RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "14s"}
WAITS = [
    later("seconds and their letter", 4, refused(LIMITED, {}, "Retry-After: 4s")),
    later(
        "milliseconds first", 2.5, refused(LIMITED, {}, "retry-after-ms: 2500", "Retry-After: 9")
    ),
    later(
        "an overdrawn limit",
        4,
        refused(LIMITED, {}, "x-ratelimit-remaining-tokens: -1", "x-ratelimit-reset-tokens: 4"),
    ),
    later(
        "a detail",
        14,
        refused(
            LIMITED,
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current quota",
                        "details": [_RETRY_INFO],
                    }
                }
            ],
        ),
    ),
    later("words", 7.66, refused(LIMITED, error("Limit 6. Please try again in 7.66s."))),
    later("words with minutes", 31, refused(LIMITED, {"detail": "retry after 0m31s"})),
    later("a member", 12, refused(LIMITED, {"message": "slow", "retry_after": 12})),
    later("a member in ms", 3, refused(LIMITED, error("slow", retry_after_ms=3000))),
    later(
        "headers of a router",
        20,
        refused(LIMITED, error("slow", metadata={"headers": {"Retry-After": "20"}})),
    ),
    later("words of a 503", 9, refused("503 Busy", "loading, try again in 9 seconds")),
    later(
        "a 200 with a header",
        21,
        http(json.dumps(error("slow", code=429)), "Retry-After: 21", content_type=JSON),
    ),
    later(
        "a 200 with a detail",
        14,
        within({"error": {"status": "RESOURCE_EXHAUSTED", "details": [_RETRY_INFO]}}),
    ),
    later("a 200 with words", 33, within(error("rate limit, try again in 33 s", code=429))),
    later(
        "the header goes before the words",
        5,
        refused(LIMITED, error("try again in 50s"), "Retry-After: 5"),
    ),
    fails(
        "more than a minute is not waited for",
        FailureKind.RATE_LIMITED,
        refused(LIMITED, error("requests per day; try again in 5 hours")),
        calls=1,
        wait=18_000,
    ),
]
