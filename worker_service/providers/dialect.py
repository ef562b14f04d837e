"""What the protocols of model servers have in common, and an answer while it comes in; pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final, Protocol

from schemas.usage import Tokens
from worker_service.providers import Call, Completion, Spent
from worker_service.providers.pieces import Json, pieces_of, text_in
from worker_service.providers.request_form import FormLadder, RequestForm, SystemRole
from worker_service.text import postgres_safe

_AGAIN: Final = Template(Path(__file__).with_name("again.md").read_text(encoding="utf-8"))
_LONGEST_REJECTED: Final = 8000
_PARAGRAPH: Final = "\n\n"


class Unreadable(Exception):
    """A body is none of the protocol; the message says what was expected."""


class Faulted(Exception):
    """An error stands where the answer should be, or where it should go on."""

    def __init__(self, body: object) -> None:
        super().__init__()
        self.body = body


class Dialect(Protocol):
    """The protocol of a kind of server: where it is asked, with what, and what it answers."""

    @property
    def path(self) -> str: ...

    @property
    def ladder(self) -> FormLadder: ...

    def headers(self, credential: str | None) -> dict[str, str]:
        """Say who calls."""

    def body(self, call: Call, *, model: str, form: RequestForm) -> dict[str, Any]: ...

    def read(self, part: Json, answer: "Answer") -> None:
        """Add a part of the answer, or all of it; what is odd in it is left out.

        Raises:
            Faulted: the part says what went wrong.
        """


@dataclass(slots=True)
class Answer:
    """An answer while it comes in; it is whole once there is a finish reason.

    `headers` are those of the response. `skipped` says what was missing in a part that could not
    be read, which matters only where no part could be; `has_json` whether any of it was meant as
    JSON, as nothing in a page or a text is.
    """

    finish_reason: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    model: str | None = None
    provider_request_id: str | None = None
    first_token_seconds: float | None = None
    is_refusal: bool = False
    calls_a_tool: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    skipped: str | None = None
    has_parts: bool = False
    has_ended: bool = False
    has_json: bool = False
    received_bytes: int = 0
    _text: list[str] = field(default_factory=list)
    _reasoning: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing that matters is still to come."""
        return self.finish_reason is not None

    @property
    def length(self) -> int:
        """The number of pieces so far: it rises with every token, and not with keep-alives."""
        return len(self._text) + len(self._reasoning)

    @property
    def progress(self) -> tuple[int, int]:
        """The numbers of pieces of text and of thoughts so far."""
        return len(self._text), len(self._reasoning)

    def text_since(self, before: tuple[int, int]) -> str | None:
        """Return the text that was added since, if it is one piece and nothing else was added."""
        texts, thoughts = before
        return self._text[-1] if self.progress == (texts + 1, thoughts) else None

    @property
    def has_text(self) -> bool:
        """Whether any of the answer itself has come; thoughts are none of it."""
        return bool(self._text)

    @property
    def tokens_so_far(self) -> Tokens:
        """What the provider has counted, or the pieces so far where they are more.

        A piece is at least one token of the output. The count of a whole answer is taken as it is,
        and a text that came in one piece says nothing of its tokens.
        """
        counted = self.tokens.output_tokens or 0
        came_at_once = len(self._text) <= 1 and len(self._reasoning) <= 1
        if came_at_once or counted >= self.length or (counted and self.is_whole):
            return self.tokens
        return self.tokens.model_copy(update={"output_tokens": self.length})

    @property
    def looks_complete(self) -> bool:
        """Whether the text ends as JSON does, or as what is put around it."""
        last = next((text for piece in reversed(self._text) if (text := piece.rstrip())), "")
        return last.endswith(("}", "`"))

    @property
    def mismatch(self) -> str | None:
        """What was missing, where no part of the answer could be read."""
        return None if self.has_parts or self.length else self.skipped

    def skip(self, missing: str) -> None:
        """Leave out a part."""
        self.skipped = missing

    def add(self, content: object, *, reasoning: object = None) -> None:
        """Append what came, which may be nothing, a text, or parts of which some are thoughts."""
        if isinstance(content, str):
            if content:
                self._text.append(content)
            else:
                self.has_parts = True
        elif content:
            self._add_parts(content)
        else:
            self.has_parts = True
        if reasoning and (thought := text_in(reasoning)):
            self._reasoning.append(thought)

    def _add_parts(self, content: object) -> None:
        pieces = pieces_of(content)
        if pieces.reasoning:
            self._reasoning.append(pieces.reasoning)
        if pieces.text:
            self._text.append(pieces.text)
        self.refuse(pieces.refusal)
        if pieces.is_known:
            self.has_parts = True
        else:
            self.skip("the content has no text")

    def refuse(self, refusal: object) -> None:
        """Append the model's refusal, if there is one."""
        if words := text_in(refusal):
            self._text.append(words)
            self.is_refusal = True

    def count(self, tokens: Tokens) -> None:
        """Note the tokens so far; a count that is missing, or nothing, takes none back."""
        counted = tokens.model_dump(exclude_none=True)
        more = {name: n for name, n in counted.items() if n or not getattr(self.tokens, name)}
        if more:
            self.tokens = self.tokens.model_copy(update=more)

    def note_cost(self, spent: Spent) -> None:
        """Write what the answer has cost so far."""
        spent.tokens, spent.model = self.tokens_so_far, self.model or spent.model
        spent.provider_request_id = self.provider_request_id
        spent.first_token_seconds = self.first_token_seconds
        spent.received_bytes = self.received_bytes

    def finish(self, reason: str | None) -> None:
        """Note why the answer ended, if it did.

        What is said first counts; only `stop`, which some servers say with every part, may be
        taken back.
        """
        if reason is not None and self.finish_reason in {None, "stop"}:
            self.finish_reason = reason

    def end(self) -> None:
        """Note the explicit end of the stream."""
        self.has_ended = True
        self.finish("stop")

    def completion(self) -> Completion:
        assert self.finish_reason is not None, "the answer is whole"  # noqa: S101
        text = self._joined()
        return Completion(
            text=text,
            finish_reason=self._meaning(text),
            reasoning="".join(self._reasoning) or None,
        )

    def _joined(self) -> str:
        """Join the text; some servers end a stream with the whole of it once more."""
        *before, last = self._text or [""]
        text = "".join(before)
        return text if text and text == last else text + last

    def _meaning(self, text: str) -> str:
        assert self.finish_reason is not None, "the answer is whole"  # noqa: S101
        if self.is_refusal:
            return "refusal"
        calls_only = self.finish_reason == "stop" and self.calls_a_tool and not text.strip()
        return "tool_calls" if calls_only else self.finish_reason


def bearer(credential: str | None) -> dict[str, str]:
    """Send the credential as most servers take it."""
    return {"Authorization": f"Bearer {credential}"} if credential else {}


def messages(call: Call, *, form: RequestForm, schema: Json | None = None) -> list[dict[str, str]]:
    """Build the conversation: the prompt, and after a rejection what has to be corrected.

    The schema, if there is one, is shown at the end of the system's part. No message is empty:
    there are servers that refuse one.
    """
    shown = f"\n\nThe schema:\n{json.dumps(schema, ensure_ascii=False)}" if schema else ""
    said = [
        {"role": "system", "content": call.prompt.system + shown},
        {"role": "user", "content": call.prompt.user},
    ]
    if form.system is SystemRole.USER:
        said = [{"role": "user", "content": _PARAGRAPH.join(each["content"] for each in said)}]
    if call.rejection is None:
        return said
    rejected = postgres_safe(call.rejection.text, longest=_LONGEST_REJECTED)
    again = _AGAIN.substitute(reason=postgres_safe(call.rejection.reason)).strip()
    if rejected.strip():
        answer = {"role": "assistant", "content": rejected}
        return [*said, answer, {"role": "user", "content": again}]
    *before, asked = said
    return [*before, {"role": "user", "content": asked["content"] + _PARAGRAPH + again}]
