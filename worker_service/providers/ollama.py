"""Ollama's own protocol; pure.

https://docs.ollama.com/api/chat
"""

from dataclasses import dataclass, field
from typing import Any

from schemas.usage import Tokens
from worker_service.providers import Call
from worker_service.providers.dialect import Answer, Faulted, bearer, messages
from worker_service.providers.fault_signs import is_fault, says_error
from worker_service.providers.finish_reasons import finish_reason_of
from worker_service.providers.json_schema import grammar
from worker_service.providers.pieces import Json, count_of, name_of
from worker_service.providers.request_form import (
    AnswerFormat,
    FormLadder,
    OutputLimit,
    RequestForm,
    ResponseMode,
)

_LADDER = FormLadder(
    response=(ResponseMode.STREAMED, ResponseMode.WHOLE),
    format=(AnswerFormat.SCHEMA, AnswerFormat.JSON_OBJECT, AnswerFormat.PROMPT),
    limit=(OutputLimit.UNSET,),
)
_FORMATS: dict[AnswerFormat, Any] = {AnswerFormat.JSON_OBJECT: "json", AnswerFormat.PROMPT: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ollama:
    """The dialect; `options` are those of Ollama, `extra` is put into every body."""

    path: str = "api/chat"
    ladder: FormLadder = _LADDER
    options: Json = field(default_factory=dict)
    extra: Json = field(default_factory=dict)

    def headers(self, credential: str | None) -> dict[str, str]:
        return bearer(credential)

    def body(self, call: Call, *, model: str, form: RequestForm) -> dict[str, Any]:
        """Ask for JSON of a grammar, and show the schema to the model, which sees none of it."""
        schema = grammar(call.json_schema)
        asked: dict[str, Any] = {
            "model": model,
            "messages": messages(call, form=form, schema=schema),
            "stream": form.response is not ResponseMode.WHOLE,
        }
        if wished := _FORMATS.get(form.format, schema):
            asked["format"] = wished
        if self.options:
            asked["options"] = dict(self.options)
        return asked | dict(self.extra)

    def read(self, part: Json, answer: Answer) -> None:
        """Add a line of a stream, or a whole answer."""
        message = part.get("message")
        if says_error(part.get("error")) or (not isinstance(message, dict) and is_fault(part)):
            raise Faulted(part)
        if isinstance(message, dict):
            answer.add(message.get("content"), reasoning=message.get("thinking"))
            answer.calls_a_tool = answer.calls_a_tool or bool(message.get("tool_calls"))
        elif not part.get("done"):
            answer.skip("there is no message")
        answer.model = name_of(part.get("model")) or answer.model
        if part.get("done"):
            answer.count(
                Tokens(
                    input_tokens=count_of(part, "prompt_eval_count"),
                    output_tokens=count_of(part, "eval_count"),
                )
            )
            answer.finish(_finish_reason(part.get("done_reason")))


def _finish_reason(said: object) -> str:
    """Read the reason; `load` and `unload` end an empty answer, which is tried again as such."""
    return "stop" if said in (None, "", "load", "unload") else finish_reason_of(said) or "stop"
