"""What a model is told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The two messages of a call."""

    system: str
    user: str
