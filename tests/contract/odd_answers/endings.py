"""How an answer ends: finish reasons of all vendors, nothing at all, half of it, text around it."""

from tests.support.odd_answers import (
    ENTITY,
    GOOD,
    JSON,
    Row,
    fails,
    http,
    lines,
    made,
    piece,
    refused,
    streamed,
    telling,
    whole,
)
from worker_service.providers.failures import FailureKind

HALF = ENTITY[:50]
STOP = piece({}, "stop")
CUT = (
    "length",
    "MAX_TOKENS",
    "max_output_tokens",
    "model_length",
    "FinishReason.MAX_TOKENS",
    "maxPredictedTokensReached",
    "maxTokens",
    "token_limit_reached",
    "max_length_exceeded",
    "MAX_TOKENS_REACHED",
    {"type": "length", "length": 10},
    ["length"],
)
FILTERED = (
    "SAFETY",
    "RECITATION",
    "PROHIBITED_CONTENT",
    "sensitive",
    "guardrail_intervened",
    "contentFilter",
    "UNSAFE",
    "policy_violation",
)
BROKEN = (
    "insufficient_system_resource",
    "network_error",
    "error",
    "ABORT",
    "timeout",
    "modelUnloaded",
    "USER_CANCEL",
    "networkError",
    "upstream_error",
    "rate_limit",
)
NOT_YET = ("null", "none", "NOT_FINISHED", "FINISH_REASON_UNSPECIFIED", "in_progress")
STOPPED = ("eos", "END_TURN", "stop_sequence", "FINISH_REASON_STOP", "completed", "eosFound")
UNKNOWN = ("OTHER", "weird", 7)


def finishing(text: str, *reasons: object) -> list[bytes]:
    return [telling(text, reason) for reason in reasons]


FINISH_REASONS: list[Row] = [
    *(fails(f"cut: {r}", FailureKind.TRUNCATED, telling(HALF, r)) for r in CUT),
    *(fails(f"filtered: {r}", FailureKind.CONTENT_FILTERED, telling(ENTITY, r)) for r in FILTERED),
    *(fails(f"broken off: {r}", FailureKind.INTERRUPTED, telling(HALF, r)) for r in BROKEN),
    *(made(f"stopped: {r}", telling(ENTITY, r)) for r in STOPPED),
    *(made(f"unknown: {r}", telling(ENTITY, r)) for r in UNKNOWN),
    *(
        fails(
            f"not yet: {r}",
            FailureKind.TRUNCATED,
            streamed(piece({"content": HALF}, r), piece({}, "length")),
        )
        for r in NOT_YET
    ),
    fails("refused by a reason", FailureKind.REFUSED, telling("I will not.", "refusal")),
    fails(
        "an unknown one is shown",
        FailureKind.SCHEMA_INVALID,
        telling("no", "weird"),
        says="'weird'",
    ),
    fails(
        "a tool's call that stops",
        FailureKind.TOOL_CALLED,
        streamed(piece({"tool_calls": [{}]}), STOP),
    ),
    fails("tool_use", FailureKind.TOOL_CALLED, telling("", "tool_use")),
    made("the whole, though it says length", telling(ENTITY, "length")),
    made("the whole, though it calls a tool", telling(ENTITY, "tool_calls")),
    made("every chunk says stop", streamed(*(piece({"content": c}, "stop") for c in ENTITY))),
    fails(
        "stop, taken back",
        FailureKind.TRUNCATED,
        streamed(piece({"content": HALF}, "stop"), piece({}, "length")),
    ),
    fails(
        "a reason of Ollama",
        FailureKind.TRUNCATED,
        lines({"message": {"content": HALF}, "done": True, "done_reason": "length"}),
        protocol="ollama",
    ),
]
EMPTY_OR_CUT = [
    fails("nothing but the end", FailureKind.EMPTY, streamed()),
    fails("an empty text, and stop", FailureKind.EMPTY, streamed(piece({"content": ""}), STOP)),
    fails("white space", FailureKind.EMPTY, telling(" \n\t ")),
    fails(
        "an empty part",
        FailureKind.EMPTY,
        whole({"content": [{"type": "text", "text": ""}]}),
    ),
    fails(
        "a thought in a part",
        FailureKind.EMPTY,
        whole({"content": [{"type": "thinking", "thinking": "Tea?"}]}),
    ),
    fails("no choice at all", FailureKind.EMPTY, http('{"choices": []}', content_type=JSON)),
    fails("a null content", FailureKind.EMPTY, whole({"content": None})),
    fails("a message without content", FailureKind.EMPTY, whole({"role": "assistant"})),
    fails(
        "thoughts alone", FailureKind.EMPTY, streamed(piece({"reasoning_content": ENTITY}), STOP)
    ),
    fails("thoughts in tags alone", FailureKind.EMPTY, telling("<think>Tea?</think>")),
    fails("thoughts without an end", FailureKind.EMPTY, telling("<think>Tea? Or")),
    fails(
        "half of it, without a reason", FailureKind.INCOMPLETE, streamed(piece({"content": HALF}))
    ),
    fails("half of it, and stop", FailureKind.INCOMPLETE, telling(HALF)),
    fails("half of it in a fence", FailureKind.SCHEMA_INVALID, telling("```json\n" + HALF)),
    fails("half of it, whole", FailureKind.INCOMPLETE, whole({"content": HALF})),
    fails(
        "a cut connection", FailureKind.CONNECTION_LOST, streamed(piece({"content": HALF}), end="")
    ),
    made("empty once", streamed(STOP), GOOD),
    made("cut once", telling(HALF), GOOD),
    made("the whole without a reason", whole({"content": ENTITY}, None)),
    made(
        "a model that is loaded first",
        lines({"message": {"content": ""}, "done": True, "done_reason": "load"}),
        lines({"message": {"content": ENTITY}, "done": True}),
        protocol="ollama",
    ),
]
_FENCED = f"```json\n{ENTITY}\n```"
AROUND = [
    made("a fence", telling(_FENCED)),
    made("a fence without a language", telling(f"```\n{ENTITY}\n```\n")),
    made("a fence of tildes", telling(f"~~~~json\n{ENTITY}\n~~~~")),
    made("a fence on one line", telling(f"```json {ENTITY}```")),
    made("a fence that ends lines with CR LF", telling(f"```JSON\r\n{ENTITY}\r\n```\r\n")),
    made("a block of thoughts", telling(f'<think>\nTea? {{"a": 1}}\n</think>\n\n{ENTITY}')),
    made("an empty block of thoughts", telling(f"<think></think>{ENTITY}")),
    made("thoughts in brackets", telling(f"[THINK]Tea.[/THINK]{ENTITY}")),
    made("thoughts without a beginning", telling(f"Tea it is.\n</think>\n{ENTITY}")),
    made("thoughts, then a fence", telling(f"<thinking>Tea</thinking>\n{_FENCED}")),
    *(
        made(f"thoughts after {opening}", telling(f"{opening}Tea.{closing}\n{ENTITY}"))
        for opening, closing in (
            ("<seed:think>", "</seed:think>"),
            ("<longcat_think>", "</longcat_think>"),
            ("<|START_THINKING|>", "<|END_THINKING|>"),
            ("◁think▷", "◁/think▷"),
        )
    ),
    made("two blocks of thoughts", telling(f"<think>Tea.</think>\n<think></think>{ENTITY}")),
    made("a byte-order mark", telling("\ufeff" + ENTITY)),
    made("a byte-order mark before a fence", telling("\ufeff" + _FENCED)),
    *(
        fails(name, FailureKind.SCHEMA_INVALID, telling(text))
        for name, text in {
            "words before a fence": f"Here you are:\n{_FENCED}",
            "words after a fence": f"{_FENCED}\nEnjoy!",
            "two fences": f"{_FENCED}\n{_FENCED}",
            "words before the JSON": f"Sure: {ENTITY}",
            "twice the JSON": f"{ENTITY}\n{ENTITY}",
            "thoughts after the JSON": f"{ENTITY}<think>Good.</think>",
            "a no-break space": f"\u00a0{ENTITY}",
            "a list of it": f"[{ENTITY}]",
        }.items()
    ),
]
REDIRECTS = [
    fails(
        f"{status}",
        FailureKind.REDIRECTED,
        refused(status, "", "Location: /v1/chat/completions/"),
        says="/v1/chat/completions/",
    )
    for status in ("301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Moved")
] + [fails("without a place", FailureKind.REDIRECTED, refused("303 See Other", ""))]
STATUSES = [
    made(
        "201",
        http(
            whole({"content": ENTITY}).split(b"\r\n\r\n", 1)[1],
            content_type=JSON,
            status="201 Created",
        ),
    ),
    made(
        "203",
        http(
            whole({"content": ENTITY}).split(b"\r\n\r\n", 1)[1],
            content_type=JSON,
            status="203 Changed",
        ),
    ),
]
