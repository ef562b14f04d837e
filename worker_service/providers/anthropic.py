"""Anthropic's Messages, as Anthropic and the servers after its model speak them; pure.

https://platform.claude.com/docs/en/api/messages
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from dataclasses import dataclass, field
from typing import Any, Final

from schemas.usage import Tokens
from worker_service.providers import Call
from worker_service.providers.dialect import Answer, Faulted, messages
from worker_service.providers.fault_signs import is_fault
from worker_service.providers.finish_reasons import finish_reason_of
from worker_service.providers.json_schema import strict
from worker_service.providers.pieces import Json, count_of, name_of, object_of
from worker_service.providers.request_form import (
    AnswerFormat,
    FormLadder,
    OutputLimit,
    RequestForm,
    ResponseMode,
    SystemRole,
)

_LADDER: Final = FormLadder(
    response=(ResponseMode.STREAMED, ResponseMode.WHOLE),
    format=(AnswerFormat.SCHEMA, AnswerFormat.PROMPT),
    limit=(OutputLimit.MAX_TOKENS,),
)
_INPUTS: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic:
    """The dialect; `effort` is how hard the model thinks, `extra` is put into every body."""

    path: str = "messages"
    ladder: FormLadder = _LADDER
    max_output_tokens: int = 8192
    effort: str | None = None
    extra: Json = field(default_factory=dict)

    def headers(self, credential: str | None) -> dict[str, str]:
        """Name the version of the protocol, and the key."""
        version = {"anthropic-version": "2023-06-01"}
        return version | ({"x-api-key": credential} if credential else {})

    def body(self, call: Call, *, model: str, form: RequestForm) -> dict[str, Any]:
        """Ask for JSON of the schema; the system's part stands beside the messages."""
        schema = strict(call.json_schema)
        said = messages(call, form=form, schema=schema if form.format.is_shown else None)
        asked: dict[str, Any] = {"model": model, "max_tokens": self.max_output_tokens}
        if form.system is SystemRole.SYSTEM:
            system, *said = said
            asked["system"] = system["content"]
        output: dict[str, Any] = {"effort": self.effort} if self.effort else {}
        if form.format is AnswerFormat.SCHEMA:
            output["format"] = {"type": "json_schema", "schema": schema}
        if output:
            asked["output_config"] = output
        return asked | {
            "messages": said,
            "stream": form.response is not ResponseMode.WHOLE,
            **self.extra,
        }

    def read(self, part: Json, answer: Answer) -> None:
        """Add an event of a stream, or a whole message."""
        match part.get("type"):
            case "content_block_delta":
                _read_delta(object_of(part.get("delta")), answer)
            case "content_block_start":
                _read_block(object_of(part.get("content_block")), answer)
            case "message_start":
                _read_message(object_of(part.get("message")), answer)
            case "message_delta":
                _read_end(object_of(part.get("delta")), part, answer)
            case "message":
                _read_message(part, answer)
            case "message_stop":
                answer.finish("stop")
            case "ping" | "content_block_stop":
                pass
            case None if "content" in part:
                _read_message(part, answer)
            case _ if is_fault(part):
                raise Faulted(part)
            case _:
                answer.skip("there is no event of a message")


def _read_message(message: Json, answer: Answer) -> None:
    """Read a message: empty at the beginning of a stream, else the whole one."""
    answer.provider_request_id = answer.provider_request_id or name_of(message.get("id"))
    answer.model = name_of(message.get("model")) or answer.model
    content = message.get("content")
    answer.add(content or None)
    for block in content if isinstance(content, list) else ():
        _note_tool(object_of(block), answer)
    _read_end(message, message, answer)


def _read_block(block: Json, answer: Answer) -> None:
    """Read the beginning of a block, which may hold its first words."""
    _note_tool(block, answer)
    if block.get("text") or block.get("thinking"):
        answer.add([block])


def _note_tool(block: Json, answer: Answer) -> None:
    if block.get("type") in ("tool_use", "server_tool_use"):
        answer.calls_a_tool = True


def _read_delta(delta: Json, answer: Answer) -> None:
    """Add words or thoughts; signatures and the arguments of tools are none."""
    answer.add(delta.get("text"), reasoning=delta.get("thinking"))


def _read_end(end: Json, counted: Json, answer: Answer) -> None:
    answer.finish(finish_reason_of(end.get("stop_reason")))
    usage = object_of(counted.get("usage"))
    read = [count for name in _INPUTS if (count := count_of(usage, name)) is not None]
    answer.count(
        Tokens(
            input_tokens=sum(read) if read else None,
            output_tokens=count_of(usage, "output_tokens"),
            reasoning_tokens=count_of(
                object_of(usage.get("output_tokens_details")), "thinking_tokens", "reasoning_tokens"
            ),
        )
    )
