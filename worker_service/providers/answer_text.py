"""The JSON of an answer, and what an answer that does not fit has failed with; pure."""

import re
from typing import Final

from pydantic_core import from_json

from worker_service.providers import Completion, ProviderError
from worker_service.providers.failures import FailureKind, error_of
from worker_service.providers.finish_reasons import BY_FINISH_REASON

_SPACE: Final = " \t\r\n"
_JSON_OR_FENCE: Final = ("{", "[", "`", "~")
_MARK: Final = "\ufeff"
_THOUGHTS: Final = re.compile(
    r"<((?:[a-z]+[:_])?(?:think|thinking|thoughts?|reasoning|reflection))>.*?(?:</\1>|\Z)"
    r"|\[THINK\].*?(?:\[/THINK\]|\Z)"
    r"|<\|START_THINKING\|>.*?(?:<\|END_THINKING\|>|\Z)"
    r"|◁think▷.*?(?:◁/think▷|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_END_OF_THOUGHTS: Final = re.compile(
    r"</(think|thinking|thought|thoughts|reasoning)>|\[/THINK\]", re.IGNORECASE
)
_INFO: Final = re.compile(r"[ \t]*[\w.+-]*")
_SHORTEST_FENCE: Final = 3
_HALF_AN_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{0,3})?\Z")
_WITHHELD: Final = frozenset({FailureKind.CONTENT_FILTERED, FailureKind.REFUSED})
_LONGEST_READ: Final = 1_000_000


def json_of(text: str) -> str:
    """Take off what models put around their JSON, and nothing else.

    That is a byte-order mark, a leading block of thoughts, whose opening tag a template may have
    kept, and one fence around the whole.
    """
    answer = _stripped(text)
    if thoughts := _THOUGHTS.match(answer):
        answer = _stripped(answer[thoughts.end() :])
        if again := _THOUGHTS.match(answer):  # a template adds an empty block of its own
            answer = _stripped(answer[again.end() :])
    elif (end := _END_OF_THOUGHTS.search(answer)) and not answer.startswith(_JSON_OR_FENCE):
        answer = _stripped(answer[end.end() :])
    return _unfenced(answer)


def _unfenced(answer: str) -> str:
    """Take off one fence around the whole; in linear time, whatever a model repeats."""
    mark = answer[:1]
    if mark not in {"`", "~"}:
        return answer
    fence = answer[: len(answer) - len(answer.lstrip(mark))]
    inner = answer[len(fence) :]
    if len(fence) < _SHORTEST_FENCE or not inner.endswith(fence):
        return answer
    return _INFO.sub("", inner.removesuffix(fence), count=1).strip(_SPACE)


def _stripped(text: str) -> str:
    return text.strip(_SPACE).removeprefix(_MARK).strip(_SPACE)


def error_before_reading(completion: Completion, text: str) -> ProviderError | None:
    """Find what makes an answer unusable, whatever its JSON says; `text` is its JSON.

    One that was cut off, or that called a tool too, may still hold the whole of what was asked.
    """
    kind = BY_FINISH_REASON.get(completion.finish_reason)
    if kind in _WITHHELD:
        return error_of(kind, completion.text if kind is FailureKind.REFUSED else "")
    if not text:
        return error_of(kind or FailureKind.EMPTY)
    return None


def error_after_reading(completion: Completion, text: str, *, faults: str) -> ProviderError:
    """Say what an answer that does not fit has failed with; `faults` are the validator's."""
    reason = completion.finish_reason
    if kind := BY_FINISH_REASON.get(reason):
        return error_of(kind)
    if is_cut(text):
        return error_of(FailureKind.INCOMPLETE)
    unknown = "" if reason == "stop" else f" (the finish reason was {reason!r})"
    return error_of(FailureKind.SCHEMA_INVALID, faults + unknown)


def is_cut(text: str) -> bool:
    """Whether a text is the beginning of a JSON object, and nothing but its end is missing."""
    if not text.startswith("{") or len(text) > _LONGEST_READ:
        return False
    try:
        from_json(_HALF_AN_ESCAPE.sub("", text))
    except ValueError as error:
        return str(error).startswith("EOF while parsing")
    return False
