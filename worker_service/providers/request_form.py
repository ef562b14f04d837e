"""The forms that a call can take, each one for servers that refuse the one before it; pure."""

from dataclasses import dataclass
from enum import StrEnum


class ResponseMode(StrEnum):
    """How a server sends its answer."""

    STREAMED_AND_COUNTED = "a stream with counts"
    STREAMED = "a stream"
    WHOLE = "a whole answer"


class AnswerFormat(StrEnum):
    """How a server is made to answer in JSON."""

    STRICT_SCHEMA = "a strict JSON Schema"
    SCHEMA = "a JSON Schema"
    JSON_OBJECT = "a JSON object, with the schema in the prompt"
    PROMPT = "the schema in the prompt alone"

    @property
    def is_shown(self) -> bool:
        """Whether the prompt holds the schema."""
        return self in {AnswerFormat.JSON_OBJECT, AnswerFormat.PROMPT}


class SystemRole(StrEnum):
    """Where the system's part of the prompt stands."""

    SYSTEM = "a system message"
    USER = "the user's message"


class OutputLimit(StrEnum):
    """The name under which a server takes the largest number of tokens of an answer."""

    UNSET = "no limit"
    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """The form of one call."""

    response: ResponseMode = ResponseMode.STREAMED_AND_COUNTED
    format: AnswerFormat = AnswerFormat.STRICT_SCHEMA
    system: SystemRole = SystemRole.SYSTEM
    limit: OutputLimit = OutputLimit.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLadder:
    """The forms of a dialect, on each axis in the order in which they are tried."""

    response: tuple[ResponseMode, ...] = (*ResponseMode,)
    format: tuple[AnswerFormat, ...] = (*AnswerFormat,)
    system: tuple[SystemRole, ...] = (*SystemRole,)
    limit: tuple[OutputLimit, ...] = (*OutputLimit,)

    def first(self) -> RequestForm:
        """Return the form that is tried first."""
        return RequestForm(
            response=self.response[0],
            format=self.format[0],
            system=self.system[0],
            limit=self.limit[0],
        )
