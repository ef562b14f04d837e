"""The protocol of OpenAI's chat completions, which most model servers and routers speak; pure.

https://platform.openai.com/docs/api-reference/chat
"""

from dataclasses import dataclass, field
from typing import Any, assert_never

from schemas.usage import Tokens
from worker_service.providers import Call
from worker_service.providers.dialect import Answer, Faulted, bearer, messages
from worker_service.providers.fault_signs import is_fault, says_error
from worker_service.providers.finish_reasons import finish_reason_of
from worker_service.providers.json_schema import strict
from worker_service.providers.pieces import (
    Json,
    count_of,
    first_object,
    name_of,
    object_of,
    text_in,
)
from worker_service.providers.request_form import (
    AnswerFormat,
    FormLadder,
    OutputLimit,
    RequestForm,
    ResponseMode,
)

_OUTPUT_TOKENS_WHERE_REQUIRED = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletions:
    """The dialect; `extra` is put into every body, and goes before what is said here."""

    path: str = "chat/completions"
    max_output_tokens: int | None = None
    extra: Json = field(default_factory=dict)

    @property
    def ladder(self) -> FormLadder:
        """Begin with what gives most; a limit of the settings is sent by its older name first."""
        unset, *names = OutputLimit
        return FormLadder(limit=tuple(names) if self.max_output_tokens else (unset, *names))

    def headers(self, credential: str | None) -> dict[str, str]:
        return bearer(credential)

    def body(self, call: Call, *, model: str, form: RequestForm) -> dict[str, Any]:
        """Ask for JSON of the schema, as strictly as the form says."""
        schema = strict(call.json_schema)
        asked: dict[str, Any] = {
            "model": model,
            "messages": messages(call, form=form, schema=schema if form.format.is_shown else None),
        }
        if answer_format := _response_format(call.entity_type, schema, form.format):
            asked["response_format"] = answer_format
        if form.limit is not OutputLimit.UNSET:
            asked[form.limit.value] = self.max_output_tokens or _OUTPUT_TOKENS_WHERE_REQUIRED
        if form.response is not ResponseMode.WHOLE:
            asked["stream"] = True
        if form.response is ResponseMode.STREAMED_AND_COUNTED:
            asked["stream_options"] = {"include_usage": True}
        return asked | dict(self.extra)

    def read(self, part: Json, answer: Answer) -> None:
        """Add a chunk of a stream, or a whole completion."""
        if (error := part.get("error")) and says_error(error):
            raise Faulted(part)
        choices = part.get("choices")
        choice = first_object(choices)
        if choice is not None:
            _read_choice(choice, answer)
        elif choices != []:
            _read_other(part, answer)
        if not answer.provider_request_id:
            answer.provider_request_id = name_of(part.get("id"))
        if (model := part.get("model")) and model != answer.model:
            answer.model = name_of(model) or answer.model
        usage = part.get("usage")
        if not usage and "x_groq" in part:
            usage = object_of(part["x_groq"]).get("usage")
        if usage:
            answer.count(_tokens(object_of(usage)))


def _response_format(name: str, schema: Json, wished: AnswerFormat) -> dict[str, Any] | None:
    match wished:
        case AnswerFormat.STRICT_SCHEMA:
            named = {"name": name, "strict": True, "schema": schema}
            return {"type": "json_schema", "json_schema": named}
        case AnswerFormat.SCHEMA:
            return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
        case AnswerFormat.JSON_OBJECT:
            return {"type": "json_object"}
        case AnswerFormat.PROMPT:
            return None
        case _:
            assert_never(wished)


def _read_other(part: Json, answer: Answer) -> None:
    """Read what has no choices: an error of another shape, or an event that means nothing here."""
    if is_fault(part):
        raise Faulted(part)
    answer.skip("there are no choices")


def _read_choice(choice: Json, answer: Answer) -> None:
    if (error := choice.get("error")) and says_error(error):
        raise Faulted(choice)
    message = choice.get("delta") or choice.get("message")
    if isinstance(message, dict):
        _read_message(message, answer)
    elif text := message or choice.get("text"):
        answer.add(text)
    if reason := choice.get("finish_reason"):
        answer.finish(finish_reason_of(reason))
    if usage := choice.get("usage"):
        answer.count(_tokens(object_of(usage)))


def _read_message(message: Json, answer: Answer) -> None:
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if not isinstance(reasoning, str):
        reasoning = text_in(reasoning) or message.get("reasoning_details")
    answer.add(message.get("content") or message.get("parsed"), reasoning=reasoning)
    if refusal := message.get("refusal"):
        answer.refuse(refusal)
    if message.get("tool_calls") or message.get("function_call"):
        answer.calls_a_tool = True


def _tokens(usage: Json) -> Tokens:
    details = object_of(
        usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    )
    return Tokens(
        input_tokens=count_of(usage, "prompt_tokens", "input_tokens"),
        output_tokens=count_of(usage, "completion_tokens", "output_tokens"),
        reasoning_tokens=count_of(details, "reasoning_tokens"),
    )
