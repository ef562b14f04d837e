"""Each rule has a check that passes, and that fails once the rule is gone."""

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import settings
from hypothesis.errors import Flaky

from shared.postgres.database import Database
from tests.models.test_state_machine import BOUNDED, drive
from tests.mutants.mutants import MUTANTS
from tests.mutants.mutation import Mutant


@pytest.fixture
def run_check(
    mutant: Mutant, loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest
) -> Callable[[], None]:
    """Set up what the check of a mutant needs, and return what runs it."""
    wanted = inspect.signature(mutant.check).parameters
    fixtures = {name: request.getfixturevalue(name) for name in wanted}

    def run() -> None:
        answer: Any = mutant.check(**fixtures)
        if inspect.isawaitable(answer):
            loop.run_until_complete(answer)

    return run


each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@each_mutant
def test_a_check_passes_with_its_rule(run_check: Callable[[], None]):
    run_check()


@each_mutant
def test_a_check_fails_without_its_rule(
    mutant: Mutant, run_check: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    mutant.apply(monkeypatch)

    with pytest.raises(mutant.error):
        run_check()


@pytest.mark.parametrize(
    "mutant", [mutant for mutant in MUTANTS if mutant.in_model], ids=lambda mutant: mutant.name
)
def test_the_model_notices_too(
    mutant: Mutant,
    database: Database,
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
):
    mutant.apply(monkeypatch)

    # It ends with the first that notices. Which that is changes with every line of the project:
    # Hypothesis tries numbers that it finds in the code.
    with pytest.raises((AssertionError, asyncpg.CheckViolationError, Flaky)):
        drive(database, loop, settings(BOUNDED, max_examples=5000))


def test_the_docs_name_each_mutant_and_its_check():
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    section = page.partition("## Mutants\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| ")]

    assert table[1:] == [
        f"| {mutant.name} | `{mutant.place}` | `{_path(mutant)}` | {'yes' * mutant.in_model} |"
        for mutant in MUTANTS
    ]


def _path(mutant: Mutant) -> str:
    folder, module = mutant.check.__module__.split(".")[-2:]
    return f"{folder}/{module}.py::{mutant.check.__name__}"
