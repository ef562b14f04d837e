"""The lock files: pinned, hashed, from the package index, and what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
RUNTIME, DEVSTACK, DEVELOPMENT = LOCKS = [
    CHECKOUT / name
    for name in ("requirements.lock", "requirements-devstack.lock", "requirements-dev.lock")
]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
EXTRAS = PROJECT["optional-dependencies"]
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)")


def requirements(lock: Path) -> list[str]:
    """Return the requirements of a lock file, each as one line without comments."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def versions(lock: Path) -> set[tuple[str, str]]:
    pinned = (_PINNED.match(requirement) for requirement in requirements(lock))
    return {(match[1], match[2]) for match in pinned if match}


def asked_for(lock: Path) -> list[Requirement]:
    """Return what pyproject.toml wants of a lock."""
    asked = [*PROJECT["dependencies"], *EXTRAS["api"], *EXTRAS["worker"], *EXTRAS["otel"]]
    if lock != RUNTIME:
        asked += GROUPS["devstack"]
    if lock == DEVELOPMENT:
        asked += [line for line in GROUPS["dev"] if isinstance(line, str)]
    return [Requirement(line) for line in asked]


@pytest.mark.parametrize(("part", "whole"), [(RUNTIME, DEVSTACK), (DEVSTACK, DEVELOPMENT)])
def test_each_lock_holds_the_one_before_so_that_what_runs_is_what_was_tested(part, whole):
    assert versions(part) <= versions(whole)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path):
    assert requirements(lock)
    for requirement in requirements(lock):
        assert _PINNED.match(requirement), requirement
        assert "--hash=sha256:" in requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_requirement_is_fetched_from_an_address(lock: Path):
    assert "://" not in lock.read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_lock_has_a_version_that_satisfies_each_requirement_of_the_project(lock: Path):
    locked = dict(versions(lock))
    for requirement in asked_for(lock):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_what_is_published_asks_for_nothing_older_than_what_was_tested():
    locked = dict(versions(RUNTIME))
    for requirement in asked_for(RUNTIME):
        assert str(requirement.specifier) == f">={locked[requirement.name]}"


def test_the_extra_all_is_the_others():
    assert EXTRAS["all"] == ["generation-service[api,worker,otel]"]
