"""What the words of an error mean, where its status alone has more than one meaning; pure."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from worker_service.providers.failures import FailureKind
from worker_service.providers.fault import UNKNOWN_STATUS, Fault

_KINDS_BY_STATUS: Final[Mapping[int, FailureKind]] = {
    401: FailureKind.CREDENTIAL_REFUSED,
    402: FailureKind.QUOTA_EXHAUSTED,
    403: FailureKind.CREDENTIAL_REFUSED,
    404: FailureKind.NOT_FOUND,
    407: FailureKind.CREDENTIAL_REFUSED,
    408: FailureKind.UPSTREAM_TIMEOUT,
    409: FailureKind.UNAVAILABLE,
    410: FailureKind.NOT_FOUND,
    413: FailureKind.CONTEXT_TOO_LONG,
    425: FailureKind.UNAVAILABLE,
    429: FailureKind.RATE_LIMITED,
    451: FailureKind.MODERATED,
    498: FailureKind.UNAVAILABLE,
    499: FailureKind.UNAVAILABLE,
    504: FailureKind.UPSTREAM_TIMEOUT,
}
_UNCLEAR: Final = frozenset({UNKNOWN_STATUS, 400, 403, 405, 406, 409, 412, 415, 418, 422, 424, 451})
"""Statuses under which vendors report any kind of failure: their text decides."""
_MODEL: Final = re.compile(r"\b(models?|deployment)\b", re.IGNORECASE)
_KEY: Final = re.compile(r"\b(api[ _-]?key|token|credentials?|unauthori[sz]ed)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What names a kind, as `fault_words.toml` says."""

    kind: FailureKind
    codes: frozenset[str]
    text: re.Pattern[str]
    statuses: frozenset[int]

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Self:
        return cls(
            kind=FailureKind[rule["kind"]],
            codes=frozenset(rule["codes"].split()),
            text=re.compile("|".join(rule["text"]), re.IGNORECASE),
            statuses=_UNCLEAR.union(rule.get("also", ())),
        )

    def is_named_in(self, fault: Fault) -> bool:
        if fault.words & self.codes:
            return True
        return fault.status in self.statuses and self.text.search(fault.message) is not None


_RULES: Final = [
    _Rule.of(rule)
    for rule in tomllib.loads(
        Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"),
    )["rule"]
]


def classify(fault: Fault) -> FailureKind:
    """Classify an error: by its words where they decide, else by its status."""
    return named_kind(fault) or _in_context(_by_status(fault.status), fault)


def named_kind(fault: Fault) -> FailureKind | None:
    """Find the kind that the words of an error name, if they name one."""
    named = next((rule.kind for rule in _RULES if rule.is_named_in(fault)), None)
    return named and _in_context(named, fault)


def _in_context(kind: FailureKind, fault: Fault) -> FailureKind:
    """Correct what the words mean beside another status, or beside a wait."""
    match kind, fault.status:
        case FailureKind.QUOTA_EXHAUSTED, 429 if fault.wait and not fault.words & _RULES[0].codes:
            return FailureKind.RATE_LIMITED  # a quota that comes back by itself, as Google's does
        case FailureKind.RATE_LIMITED, 413:
            return FailureKind.CONTEXT_TOO_LONG  # above the limit of a minute: no wait would help
        case FailureKind.CREDENTIAL_REFUSED, 403 if _names_a_model(fault):
            return FailureKind.MODEL_REFUSED
        case FailureKind.MODEL_REFUSED, 401:
            return FailureKind.CREDENTIAL_REFUSED
        case FailureKind.MODEL_REFUSED, 404 | 410:
            return FailureKind.NOT_FOUND
        case _:
            return kind


def _names_a_model(fault: Fault) -> bool:
    """Whether a 403 is about one model, and not about the credential."""
    is_about_key = _KEY.search(fault.message) is not None
    return not is_about_key and _MODEL.search(fault.message) is not None


def _by_status(status: int) -> FailureKind:
    if status in _KINDS_BY_STATUS:
        return _KINDS_BY_STATUS[status]
    match status // 100:
        case 3:
            return FailureKind.REDIRECTED
        case 4:
            return FailureKind.BAD_REQUEST
        case _:
            return FailureKind.UNAVAILABLE
