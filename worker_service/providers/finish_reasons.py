"""What the finish reasons of the vendors mean, and which of them are failures; pure.

https://platform.openai.com/docs/api-reference/chat/object
https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
https://ai.google.dev/api/generate-content#FinishReason
https://api-docs.deepseek.com/api/create-chat-completion
"""

import re
from collections.abc import Mapping
from typing import Final

from worker_service.providers import FinishReason
from worker_service.providers.failures import FailureKind
from worker_service.providers.pieces import name_of

_WORDS: Final[Mapping[FinishReason, str]] = {
    "stop": "stop stopped eos eos_token end end_turn stop_sequence stop_token complete completed"
    " done finished success normal stop_str stopstringfound eosfound",
    "length": "length max_tokens max_token max_length max_output_tokens max_new_tokens token_limit"
    " max_completion_tokens model_length model_context_window_exceeded context_length_exceeded"
    " context_window_exceeded context_length length_limit limit incomplete truncated"
    " max_output_reached maxpredictedtokensreached contextlengthreached cut_off",
    "content_filter": "content_filter content_filtered filtered safety recitation blocklist spii"
    " prohibited_content image_safety image_prohibited_content image_recitation model_armor"
    " language sensitive guardrail guardrails guardrail_intervened guardrail_triggered moderation"
    " blocked error_toxic jailbreak",
    "refusal": "refusal refused",
    "tool_calls": "tool_calls tool_call tool_use function_call function_calls"
    " malformed_function_call unexpected_tool_call too_many_tool_calls malformed_tool_call"
    " malformed_tool_use",
    "interrupted": "insufficient_system_resource insufficient_system_resources network_error error"
    " failed failure abort aborted cancelled canceled timeout timed_out time_limit interrupted"
    " server_error internal_error model_error engine_overloaded overloaded error_limit preempted"
    " malformed_response malformed_model_output modelunloaded userstopped",
}
_MEANINGS: Final[Mapping[str, FinishReason]] = {
    word: reason for reason, words in _WORDS.items() for word in words.split()
}
_PREFIX: Final = "finish_reason_"
_NOT_YET: Final = frozenset(
    {"null", "none", "unspecified", "not_finished", "unfinished", "in_progress"}
)
"""Words that some servers say with every part until there is a reason."""

_SIGNS: Final[Mapping[FinishReason, str]] = {
    "content_filter": "safety unsafe filter filtered moderation moderated guardrail blocked policy"
    " prohibited sensitive toxic harmful violation recitation",
    "interrupted": "error errored failed failure abort aborted cancel cancelled canceled timeout"
    " network interrupted overload overloaded disconnect disconnected crashed unavailable rate"
    " quota",
    "length": "length limit tokens truncated context window",
}
_MEANT_BY: Final = {reason: frozenset(words.split()) for reason, words in _SIGNS.items()}
"""What one word of a longer reason means; the first that is there counts."""

_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_LETTERS: Final = re.compile(r"[^a-z0-9]+")

BY_FINISH_REASON: Final[Mapping[str, FailureKind]] = {
    "length": FailureKind.TRUNCATED,
    "content_filter": FailureKind.CONTENT_FILTERED,
    "refusal": FailureKind.REFUSED,
    "tool_calls": FailureKind.TOOL_CALLED,
    "interrupted": FailureKind.INTERRUPTED,
}
"""What an answer that did not stop by itself has failed with."""


def finish_reason_of(value: object) -> str | None:
    """Read a finish reason: the word that all vendors share, else what was said, cleaned and cut.

    None where there is none, which is so in every part of a stream but its last.
    """
    said = _said(value)
    if said is None:
        return None
    separated = _CAPITAL.sub("_", said.strip().rpartition(".")[2]).lower()
    word = _NO_LETTERS.sub("_", separated).strip("_").removeprefix(_PREFIX)
    if word in _NOT_YET:
        return None
    return _MEANINGS.get(word) or _MEANINGS.get(said.strip().lower()) or _meant_by(word) or said


def _said(value: object) -> str | None:
    """Take the reason out of the object or the list that some servers put it in."""
    if isinstance(value, list):
        value = next(iter(value), None)
    if isinstance(value, dict):
        value = value.get("type") or value.get("reason")
    return name_of(value) if isinstance(value, str) or value else None


def _meant_by(word: str) -> FinishReason | None:
    parts = set(word.split("_"))
    return next((reason for reason, words in _MEANT_BY.items() if words & parts), None)
