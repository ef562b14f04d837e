"""What a model is told: two messages, kept as a Markdown file beside their generator."""

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final, Self

_SYSTEM: Final = "# System\n"
_USER: Final = "# User\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The two messages of a call."""

    system: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """The text of a prompt; each `$name` in the user's part stands for a value."""

    system: str
    user: Template

    @classmethod
    def beside(cls, module: str) -> Self:
        """Read the file that has the name of a module, given as its `__file__`."""
        text = Path(module).with_suffix(".md").read_text(encoding="utf-8")
        system, user = text.removeprefix(_SYSTEM).split(_USER)
        return cls(system=_unwrapped(system), user=Template(_unwrapped(user)))

    def filled(self, **values: str) -> Prompt:
        """Put the values in; what looks like a name inside a value stays as it is."""
        return Prompt(system=self.system, user=self.user.substitute(values))


def _unwrapped(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))
