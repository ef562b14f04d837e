"""Ollama's own protocol; pure.

https://docs.ollama.com/api/chat
"""

import json
from dataclasses import dataclass
from typing import Any

from schemas.usage import Tokens
from worker_service.providers import Call
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
from worker_service.providers.json_schema import grammar


@dataclass(frozen=True, slots=True, kw_only=True)
class Ollama:
    """The dialect; counts come with the last line of every answer."""

    path: str = "api/chat"
    modes: tuple[ResponseMode, ...] = (ResponseMode.STREAMED, ResponseMode.WHOLE)

    def body(self, call: Call, *, model: str, mode: ResponseMode) -> dict[str, Any]:
        """Ask for JSON of a grammar, and show the schema to the model, which sees none of it."""
        schema = grammar(call.json_schema)
        shown = f"\n\nThe schema:\n{json.dumps(schema, ensure_ascii=False)}"
        return {
            "model": model,
            "messages": messages(call, addition=shown),
            "format": schema,
            "stream": mode is not ResponseMode.WHOLE,
        }

    def read(self, part: Json, answer: Answer) -> None:
        """Add a line of a stream, or a whole answer."""
        if part.get("error"):
            raise Faulted(part)
        if "message" not in part:
            raise Unreadable("there is no message")
        message = object_of(part["message"], name="message")
        answer.model = name_of(part.get("model")) or answer.model
        answer.add(message.get("content"), reasoning=message.get("thinking"))
        if message.get("tool_calls"):
            answer.finish("tool_calls")
        if part.get("done"):
            answer.tokens = Tokens(
                input_tokens=count_of(part.get("prompt_eval_count")),
                output_tokens=count_of(part.get("eval_count")),
            )
            answer.finish("length" if part.get("done_reason") == "length" else "stop")
