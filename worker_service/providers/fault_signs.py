"""What tells an error from a part of an answer; pure."""

from collections.abc import Mapping
from typing import Any, Final

ERRORS: Final = range(400, 600)
_SHAPES: Final = frozenset(
    {"error", "errors", "detail", "message", "msg", "error_message", "base_resp"}
)
_NUMBERED_BY: Final = ("code", "status", "status_code", "statusCode", "error_code")
_ERROR_STATUSES: Final = ("error", *ERRORS, *map(str, ERRORS))
_NO_ERROR: Final = frozenset({"", "0", "200", "ok", "success", "succeeded", "none", "null"})
_AT_WORK: Final = frozenset(
    {"ping", "heartbeat", "keepalive", "keep-alive", "progress", "processing", "in_progress"}
    | {"queued", "pending", "running", "started", "waiting"}
)


def is_fault(part: Mapping[str, Any]) -> bool:
    """Whether an object is an error rather than a part of an answer."""
    if says_error(part.get("error")):
        return True
    if any(part.get(name) in _ERROR_STATUSES for name in ("type", "object", *_NUMBERED_BY)):
        return True
    if _is_at_work(part):
        return False
    shapes = (part.get(name) for name in _SHAPES)
    if any(isinstance(shape, str | list | dict) and says_error(shape) for shape in shapes):
        return True
    return any(is_exception(name) and isinstance(part[name], Mapping) for name in part)


def _is_at_work(part: Mapping[str, Any]) -> bool:
    """Whether an object without an answer says no more than that one is being made."""
    said = (part.get(name) for name in ("type", "event", "status"))
    return any(isinstance(word, str) and word.lower() in _AT_WORK for word in said)


def says_error(error: object) -> bool:
    """Whether a member reports an error: some servers send one always, empty or of success."""
    values = error.values() if isinstance(error, Mapping) else [error]
    return any(
        bool(value) and (isinstance(value, list | dict) or _is_said(str(value))) for value in values
    )


def _is_said(word: str) -> bool:
    return word.strip().lower() not in _NO_ERROR


def is_exception(name: str) -> bool:
    """Whether a member is an error by its name, as those of Bedrock's streams are."""
    return name.lower().endswith("exception")
