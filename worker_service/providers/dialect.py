"""What the protocols of model servers have in common, and an answer while it comes in; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from string import Template
from typing import Any, Final, Protocol

from schemas.usage import Tokens
from worker_service.providers import Call, Completion, FinishReason
from worker_service.text import postgres_safe

_AGAIN: Final = Template(Path(__file__).with_name("again.md").read_text(encoding="utf-8"))
_LONGEST_REJECTED: Final = 8000

Json = Mapping[str, Any]


class ResponseMode(Enum):
    """How a server is asked to answer; each one is tried where the one before is refused."""

    STREAMED_AND_COUNTED = auto()
    STREAMED = auto()
    WHOLE = auto()


class Unreadable(Exception):
    """A part of the answer is none of the protocol; the message says what was expected."""


class Faulted(Exception):
    """An error stands where the answer should be, or where it should go on."""

    def __init__(self, body: "Json") -> None:
        super().__init__()
        self.body = body


class Dialect(Protocol):
    """The protocol of a kind of server: where it is asked, with what, and what it answers."""

    @property
    def path(self) -> str: ...

    @property
    def modes(self) -> tuple[ResponseMode, ...]: ...

    def body(self, call: Call, *, model: str, mode: ResponseMode) -> dict[str, Any]: ...

    def read(self, part: Json, answer: "Answer") -> None:
        """Add a part of the answer, or all of it.

        Raises:
            Unreadable: the part is none of this protocol.
            Faulted: the part says what went wrong.
        """


@dataclass(slots=True)
class Answer:
    """An answer while it comes in; it is whole once there is a finish reason."""

    finish_reason: FinishReason | None = None
    tokens: Tokens = field(default_factory=Tokens)
    model: str | None = None
    provider_request_id: str | None = None
    first_token_seconds: float | None = None
    is_refusal: bool = False
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

    def add(self, text: object, *, reasoning: object = None) -> None:
        """Append what came, which may be nothing."""
        if piece := text_of(text):
            self._text.append(piece)
        if piece := text_of(reasoning):
            self._reasoning.append(piece)

    def finish(self, reason: FinishReason) -> None:
        """Note why the answer ended; what is said first counts."""
        if self.finish_reason is None:
            self.finish_reason = "refusal" if self.is_refusal else reason

    def completion(self) -> Completion:
        assert self.finish_reason is not None, "the answer is whole"  # noqa: S101
        return Completion(
            text="".join(self._text),
            finish_reason=self.finish_reason,
            tokens=self.tokens,
            model=self.model,
            reasoning="".join(self._reasoning) or None,
            provider_request_id=self.provider_request_id,
            first_token_seconds=self.first_token_seconds,
        )


def messages(call: Call, *, addition: str = "") -> list[dict[str, str]]:
    """Build the conversation: the prompt, and after a rejection what has to be corrected."""
    said = [
        {"role": "system", "content": call.prompt.system + addition},
        {"role": "user", "content": call.prompt.user},
    ]
    if call.rejection is not None:
        rejected = postgres_safe(call.rejection.text, longest=_LONGEST_REJECTED)
        again = _AGAIN.substitute(reason=postgres_safe(call.rejection.reason)).strip()
        said.append({"role": "assistant", "content": rejected})
        said.append({"role": "user", "content": again})
    return said


def object_of(value: object, *, name: str) -> Json:
    """Check a JSON object; empty where there is none.

    Raises:
        Unreadable: there is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Unreadable(f"{name} is not an object")
    return value


def text_of(value: object) -> str:
    """Check a text; empty where there is none.

    Raises:
        Unreadable: there is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable("a piece of the answer is no text")
    return value


def name_of(value: object) -> str | None:
    """Clean and cap a name or an id for the record; None where there is none."""
    return postgres_safe(value, longest=200) if isinstance(value, str) and value else None


def count_of(value: object) -> int:
    """Read a number of tokens; 0 where the provider gives none."""
    return value if isinstance(value, int) and value > 0 else 0
