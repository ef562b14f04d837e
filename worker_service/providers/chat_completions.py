"""The protocol of OpenAI's chat completions, which most model servers and routers speak; pure.

https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.usage import Tokens
from worker_service.providers import Call, FinishReason
from worker_service.providers.dialect import (
    Answer,
    Faulted,
    Json,
    ResponseMode,
    Unreadable,
    count_of,
    messages,
    name_of,
    object_of,
)
from worker_service.providers.json_schema import strict

_FINISH: Final[Mapping[str, FinishReason]] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletions:
    """The dialect; `extra` is put into every body."""

    path: str = "chat/completions"
    modes: tuple[ResponseMode, ...] = (
        ResponseMode.STREAMED_AND_COUNTED,
        ResponseMode.STREAMED,
        ResponseMode.WHOLE,
    )
    extra: Json = field(default_factory=dict)

    def body(self, call: Call, *, model: str, mode: ResponseMode) -> dict[str, Any]:
        """Ask for JSON that fits the strict part of the schema."""
        asked: dict[str, Any] = {
            "model": model,
            "messages": messages(call),
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": call.entity_type,
                    "strict": True,
                    "schema": strict(call.json_schema),
                },
            },
            **self.extra,
        }
        if mode is not ResponseMode.WHOLE:
            asked["stream"] = True
        if mode is ResponseMode.STREAMED_AND_COUNTED:
            asked["stream_options"] = {"include_usage": True}
        return asked

    def read(self, part: Json, answer: Answer) -> None:
        """Add a chunk of a stream, or a whole completion."""
        if part.get("error"):
            raise Faulted(part)
        choices = part.get("choices")
        if not isinstance(choices, list):
            raise Unreadable("there are no choices")
        answer.provider_request_id = answer.provider_request_id or name_of(part.get("id"))
        answer.model = name_of(part.get("model")) or answer.model
        if usage := object_of(part.get("usage"), name="usage"):
            answer.tokens = _tokens(usage)
        if choices:
            _read_choice(object_of(choices[0], name="choice"), answer)


def _read_choice(choice: Json, answer: Answer) -> None:
    reason = choice.get("finish_reason")
    if reason == "error" or choice.get("error"):
        raise Faulted(choice)
    message = object_of(choice.get("delta") or choice.get("message"), name="message")
    answer.add(
        message.get("content"),
        reasoning=message.get("reasoning_content") or message.get("reasoning"),
    )
    if refusal := message.get("refusal"):
        answer.add(refusal)
        answer.is_refusal = True
    if reason:
        answer.finish(_FINISH.get(str(reason), "stop"))


def _tokens(usage: Json) -> Tokens:
    details = object_of(usage.get("completion_tokens_details"), name="completion_tokens_details")
    return Tokens(
        input_tokens=count_of(usage.get("prompt_tokens")),
        output_tokens=count_of(usage.get("completion_tokens")),
        reasoning_tokens=count_of(details.get("reasoning_tokens")),
    )
