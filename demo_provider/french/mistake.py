"""One mistake, and how an explanation quotes the right form."""

from dataclasses import dataclass, replace
from typing import Any

from demo_provider.french.rendering import Parts, assemble, quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A wrong sentence. `right_form` is the form that `explanation` names."""

    kind: str
    content: str
    right_form: str
    explanation: str


def spoil(parts: Parts, kind: str, reason: str, *, tail: str = "", **changes: Any) -> Mistake:
    """Replace some parts, and explain: the reason, then the right form, then `tail`."""
    right = quote(parts)
    return Mistake(
        kind=kind,
        content=assemble(replace(parts, **changes)),
        right_form=right,
        explanation=f"{reason}: the right form is “{right}”{tail}.",
    )
