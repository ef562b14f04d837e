"""Remove a rule of the product for the length of a test, by another text in its place."""

import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any

import pytest

from shared.sql import Statement


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that is removed, and the check that notices.

    `place` is a statement or a function, `module:name`; `old` occurs there so many `times`.
    `check` is a test of the suite, which must fail with `error` when `old` is replaced by `new`.
    It looks at one rule alone: nothing runs beside it that would make the loss good.
    `in_model` tells whether the state machine of tests/models notices soon, too.
    """

    name: str
    place: str
    old: str
    new: str
    check: Callable[..., Any]
    times: int = 1
    error: type[Exception] = AssertionError
    in_model: bool = False

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        """Put the mutant in its place; a function changes for everybody who holds it."""
        found = pkgutil.resolve_name(self.place)
        name = self.place.replace(":", ".")
        if isinstance(found, Statement):
            patch.setattr(name, self._changed(found))
        elif isinstance(found, str):
            patch.setattr(name, self._edited(found))
        else:
            patch.setattr(found, "__code__", self._compiled(found))

    def _changed(self, statement: Statement) -> Statement:
        """Edit the text as its module has it, with names; the places of the parameters stay."""
        places = {f":{name}": f"${place}" for place, name in enumerate(statement.names, 1)}
        names = {place: name for name, place in places.items()}
        named = re.sub(r"\$\d+", lambda found: names[found[0]], statement.text)
        pattern = "|".join(rf"(?<!:){name}\b" for name in places) or "$^"
        text = re.sub(pattern, lambda found: places[found[0]], self._edited(named))
        return replace(statement, text=text)

    def _edited(self, text: str) -> str:
        assert text.count(self.old) == self.times, f"{self.place} has another text by now"
        return text.replace(self.old, self.new)

    def _compiled(self, function: FunctionType) -> CodeType:
        source = self._edited(textwrap.dedent(inspect.getsource(function)))
        defined: dict[str, Any] = {}
        exec(compile(source, self.place, "exec"), function.__globals__, defined)  # noqa: S102
        code: CodeType = defined[function.__name__].__code__
        return code
