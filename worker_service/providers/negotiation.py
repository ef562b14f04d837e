"""Which form a server is asked in after it has refused another; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from worker_service.providers.failures import FailureKind
from worker_service.providers.fault import UNKNOWN_STATUS, Fault
from worker_service.providers.fault_words import classify, named_kind
from worker_service.providers.request_form import FormLadder, RequestForm

Axis = Literal["limit", "response", "system", "format"]
Rung = TypeVar("Rung")

_REFUSALS: Final = frozenset(
    {FailureKind.BAD_REQUEST, FailureKind.NOT_FOUND, FailureKind.MODEL_REFUSED}
)
_REFUSING_STATUSES: Final = frozenset({400, 403, 404, 405, 406, 415, 422, 501})
_NOT_IMPLEMENTED: Final = 501
_INTERNAL_ERROR: Final = 500
_OUTAGE: Final = re.compile(
    r"\b(?:upstream|connection|socket|eof|reset|time[sd]?[ -]?out|disconnected|interrupted|broken"
    r"|aborted|crashed|unexpected(?:ly)?|internal"
    r"|failed to (?:read|write|open|connect|fetch)|error (?:in|while|during))\b"
)
"""Words of an outage: beside them a form must be named as unwanted, and not only be named."""

_UNWANTED_FORM: Final = re.compile(
    r"\b(?:not|\w+n't|cannot|never|un)[ -]?(?:yet )?(?:be )?(?:currently )?"
    r"(?:supported|permitted|allowed|recogni[sz]ed|accepted|implemented|enabled|compatible|used)\b"
    r"|\b(?:does|do|did|can)(?: not|n't|not) (?:currently |yet )?"
    r"(?:support|accept|allow|recogni[sz]e|implement|handle|have|use)\b"
    r"|\b(?:extra|unknown|unexpected|unrecogni[sz]ed|invalid|illegal) "
    r"(?:\w+ )?(?:inputs?|fields?|names?|params?|parameters?|arguments?|keys?|values?|options?)\b"
    r"|\b(?:unknown|unrecogni[sz]ed|invalid|illegal) "
    r"(?:\w+ )?(?:role|schema|response_format|format)\b"
    r"|\bonly (?:supports?|accepts?|allows?)\b|\bmust (?:be (?:false|set|specified)|alternate)\b"
    r"|\b(?:disabled|deprecated|instead|only user and assistant)\b"
    r"|\bno (?:support|json\w*|response_?format|schema|structured|stream(?:ing)?|system)\b"
)
_FAILED_FORM: Final = re.compile(
    r"\b(?:parse|compile|invalid) (?:\w+ )?grammar\b|\bgrammar error\b|\bschema conversion\b"
    r"|\bunrecogni[sz]ed schema\b|\bvocabulary required for format\b"
    r"|\b(?:system|developer) role (?:is )?not supported\b"
)
"""Words of a server that fails of the form itself, and says so with the status of a failure."""

_MOST_SAID: Final = 6_000
"""The patterns look at no more: their time grows with the square of it."""

_LIMIT: Final = r"\bmax_(?:completion_|output_|new_)?tokens\b"
_UNWANTED: Final = (
    r"\b(?:required|missing|must be (?:set|specified)|instead|extra[ _]\w+|deprecated"
    r"|(?:not |un)(?:supported|permitted|allowed|recogni[sz]ed|expected|known))\b"
)
_NAMED: Final[Mapping[Axis, re.Pattern[str]]] = {
    "limit": re.compile(rf"{_LIMIT}.*{_UNWANTED}|{_UNWANTED}.*{_LIMIT}"),
    "response": re.compile(r"\bstream(?:ing|ed|_options)?\b|\binclude_usage\b"),
    "system": re.compile(
        r"\b(?:system|developer)['\"`]? (?:role|message|prompt|instruction)s?\b"
        r"|\b(?:role|message)s?\b[^.]*\b(?:system|developer)\b"
        r"|\broles must alternate\b|\bonly user and assistant roles\b"
    ),
    "format": re.compile(
        r"\b(?:response_?(?:format|schema)|output_?(?:config|format)|guided_json|grammar|strict|schema|format"
        r"|json[ _-]?(?:schema|object|mode)|structured[ _-]?outputs?"
        r"|(?:requested|required?)[ _]parameters)\b"
    ),
}
"""What a refusal names; the first axis that is named and has another form steps down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step down: the axis, the form that was refused on it, and the form from now on."""

    axis: Axis
    refused: str
    form: RequestForm

    @property
    def instead(self) -> str:
        """What is asked for from now on."""
        return str(getattr(self.form, self.axis))


def step_down(form: RequestForm, fault: Fault, *, ladder: FormLadder) -> Step | None:
    """Find the next form after a refusal; None where the fault is no refusal of a form."""
    said = " ".join([fault.message, *sorted(fault.words)]).lower()[:_MOST_SAID]
    if not _may_refuse(fault, said):
        return None
    for axis, words in _NAMED.items():
        below = _below(getattr(form, axis), getattr(ladder, axis))
        if below is not None and words.search(said):
            return Step(
                axis=axis,
                refused=str(getattr(form, axis)),
                form=replace(form, **{axis: below}),
            )
    return None


def _may_refuse(fault: Fault, said: str) -> bool:
    """Tell a refusal from an outage, which may name a stream or a format too."""
    if fault.status == _NOT_IMPLEMENTED:
        return named_kind(fault) in _REFUSALS | {None}
    if fault.status == _INTERNAL_ERROR:
        return _FAILED_FORM.search(said) is not None
    if fault.status == UNKNOWN_STATUS:
        return named_kind(fault) in _REFUSALS | {None} and _is_unwanted(said)
    if fault.status not in _REFUSING_STATUSES or classify(fault) not in _REFUSALS:
        return False
    return _OUTAGE.search(said) is None or _is_unwanted(said)


def _is_unwanted(said: str) -> bool:
    return any(words.search(said) for words in (_UNWANTED_FORM, _FAILED_FORM))


def _below(refused: Rung, rungs: tuple[Rung, ...]) -> Rung | None:
    """Return the rung after a refused one."""
    following = rungs[rungs.index(refused) + 1 :]
    return following[0] if following else None
