"""Which target installs what."""

import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def commands_of(target: str) -> str:
    """Return what `make` would run."""
    asked = ("make", "--dry-run", "--no-print-directory", target)
    environment = os.environ | {"HOME": "/nowhere"}  # where no Python of one's own is
    return subprocess.run(
        asked, cwd=CHECKOUT, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.parametrize("target", ["run", "up", "dev"])
def test_a_stack_installs_what_a_stack_needs(target: str):
    installed = [line for line in commands_of(target).splitlines() if "bootstrap" in line]
    assert [line.split()[-2:] for line in installed] == [["devstack.bootstrap", "devstack"]]


@pytest.mark.parametrize(
    "target", ["test", "test-image-python", "check", "format", "bench", "lock", "sbom"]
)
def test_what_a_contributor_runs_installs_everything(target: str):
    assert "devstack.bootstrap dev\n" in commands_of(target)


@pytest.mark.parametrize("target", ["down", "status", "logs", "psql", "help", "clean"])
def test_what_looks_at_a_stack_or_ends_it_installs_nothing(target: str):
    assert "bootstrap" not in commands_of(target)
    assert " install" not in commands_of(target)


def test_what_ships_is_tested_on_the_python_of_the_images():
    dockerfile = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8")
    version = dockerfile.partition("ARG PYTHON_IMAGE=python:")[2].partition("-")[0]

    assert f"\nif ! python{version} -c" in f"\n{commands_of('test-image-python')}"
    assert "make test-image-python" in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_target_that_is_meant_for_people_is_in_the_list():
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    phony = makefile.partition(".PHONY: ")[2].partition("\n")[0].split()
    listed = subprocess.run(
        ("make", "help"), cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert {name for name in phony if f"make {name} " not in listed} == {"env", "env-devstack"}
