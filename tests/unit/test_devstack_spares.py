"""The interpreters that wait with their libraries loaded, behind `make dev`."""

import json
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.children import Program
from devstack.installation import CHECKOUT
from devstack.spare import imported_libraries, renumber
from devstack.spares import Spares

SERVICE = """
import json, os, socket, sys
with socket.socket(fileno=int(sys.argv[1])) as listener:
    print(json.dumps({
        "name": __name__,
        "colour": os.environ.get("COLOUR"),
        "port": listener.getsockname()[1],
        "has_libraries": "fastapi" in sys.modules,
    }))
"""


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def program(tmp_path: Path, listener: socket.socket) -> Program:
    (tmp_path / "a_service.py").write_text(SERVICE)
    return Program(
        command=(sys.executable, "-m", "a_service", str(listener.fileno())),
        log=tmp_path / "log",
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "COLOUR": "blue"},
        cwd=tmp_path,
        pass_fds=(listener.fileno(),),
    )


def test_a_spare_becomes_the_program_with_its_environment_and_its_socket(
    program: Program, listener: socket.socket
):
    with Spares() as spares:
        spares.prepare([program])
        child = spares.launch(program)
        assert child.wait(timeout=60) == 0

    assert json.loads(child.last_words()) == {
        "name": "__main__",
        "colour": "blue",
        "port": listener.getsockname()[1],
        "has_libraries": True,
    }


def test_a_program_without_a_spare_is_started_from_nothing(program: Program):
    child = Spares().launch(program)

    assert child.wait(timeout=60) == 0
    assert json.loads(child.last_words())["has_libraries"] is False


def test_a_program_whose_environment_no_spare_can_be_sent_is_started_too(program: Program):
    large = replace(program, env={**program.env, "A": "a" * 110_000, "B": "b" * 110_000})
    with Spares() as spares:
        spares.prepare([large])
        child = spares.launch(large)
        assert child.wait(timeout=60) == 0

    assert json.loads(child.last_words())["colour"] == "blue"


def test_open_files_are_given_numbers_that_others_of_them_have():
    pipes = [os.pipe() for _ in range(2)]
    for number, (_, writing) in enumerate(pipes):
        os.write(writing, bytes([number]))
        os.close(writing)
    (first, _), (second, _) = pipes

    renumber([first, second], [second, first])

    assert [os.read(second, 9), os.read(first, 9)] == [b"\x00", b"\x01"]
    os.close(first)
    os.close(second)


def test_what_the_service_before_has_logged_are_not_the_last_words_of_a_spare(program: Program):
    with Spares() as spares:
        spares.prepare([program])
        program.log.write_text("an error of the service before\n")
        child = spares.launch(program)

        assert child.last_words() == "it said nothing"
        child.kill()


def test_spares_that_are_not_needed_are_ended(program: Program):
    with Spares() as spares:
        spares.prepare([program])
        (process,) = [each.process for each in spares.waiting]

    assert not process.is_alive()


def test_the_libraries_are_what_the_sources_import_as_they_load(tmp_path: Path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "a.py").write_text(
        "import ours.b\nfrom ours import b\nfrom .c import d\n"
        "import json.decoder\nfrom email import utils\n"
        "def late():\n    import heavy\n"
    )
    (tmp_path / "ours" / "b.py").write_text("import json.decoder\nimport (\n")

    assert list(imported_libraries([tmp_path / "ours"])) == ["json.decoder", "email"]
