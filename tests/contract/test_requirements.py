"""The lock files: pinned, hashed, from the package index, and of one mind."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT = CHECKOUT / "requirements.lock", CHECKOUT / "requirements-dev.lock"
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)")


def requirements(lock: Path) -> list[str]:
    """Return the requirements of a lock file, each as one line without comments."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def versions(lock: Path) -> set[tuple[str, str]]:
    pinned = (_PINNED.match(requirement) for requirement in requirements(lock))
    return {(match[1], match[2]) for match in pinned if match}


def test_what_is_installed_at_run_time_is_what_was_tested():
    assert versions(RUNTIME) <= versions(DEVELOPMENT)


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path):
    assert requirements(lock)
    for requirement in requirements(lock):
        assert _PINNED.match(requirement), requirement
        assert "--hash=sha256:" in requirement


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT], ids=lambda lock: lock.name)
def test_no_requirement_is_fetched_from_an_address(lock: Path):
    assert "://" not in lock.read_text(encoding="utf-8")


def test_every_direct_requirement_is_locked():
    for lock in (RUNTIME, DEVELOPMENT):
        asked = lock.with_suffix(".in").read_text(encoding="utf-8").splitlines()
        names = {re.split(r"[=<>!~\[]", line)[0] for line in asked if re.match(r"[a-z]", line)}
        assert names <= {name for name, _ in versions(lock)}
