"""`make` installs what a command needs, once, and looks first at what would make it fail."""

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from devstack import bootstrap, clean, control, pip_install, preflight

CHECKOUT = Path(__file__).parents[2]
SETTINGS = """
# a comment
API_PORT=0
export KAFKA_PORT = 1234  # of the other stack
STATE_DIR="/a folder/with # in it"
POSTGRES_PORT='5'
EMPTY=
KEY=sk-a#b
WORDS=two words # and a comment
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of two locks, whose installations are written down instead of made."""
    for level in bootstrap.LEVELS:
        (tmp_path / f"requirements-{level}.lock").write_text(f"{level}==1")
    monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
    monkeypatch.setattr(bootstrap, "WORK", tmp_path / ".devstack")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(bootstrap, "look_before", lambda _: None)
    return tmp_path


@pytest.fixture
def done(checkout, monkeypatch) -> list[str]:
    done: list[str] = []

    def make() -> None:
        (checkout / "stamp").unlink(missing_ok=True)
        (checkout / "python").touch()
        done.append("made")

    monkeypatch.setattr(bootstrap, "make_environment", make)
    monkeypatch.setattr(bootstrap, "install", lambda _, lock, **__: done.append(lock.stem))
    return done


def test_a_stack_needs_its_own_lock_and_installs_it_once(done):
    for _ in range(2):
        bootstrap.main("devstack")
    assert done == ["made", "requirements-devstack"]


def test_what_tests_need_comes_on_top_of_what_a_stack_needs(done):
    for level in ("devstack", "dev", "devstack", "dev"):
        bootstrap.main(level)
    assert done == ["made", "requirements-devstack", "requirements-dev"]


def test_a_stack_needs_nothing_more_where_everything_is_installed(done):
    bootstrap.main("dev")
    bootstrap.main("devstack")
    assert done == ["made", "requirements-dev"]


@pytest.mark.usefixtures("done")
def test_a_lock_that_has_changed_is_installed_into_a_new_environment(checkout, done):
    bootstrap.main("devstack")
    (checkout / "requirements-devstack.lock").write_text("devstack==2")
    bootstrap.main("dev")
    assert done == ["made", "requirements-devstack", "made", "requirements-dev"]


def test_an_installation_that_was_interrupted_is_made_again(done, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(bootstrap, "install", interrupt)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.main("devstack")
    bootstrap.main("devstack")
    assert done == ["made", "made", "requirements-devstack"]


def test_an_environment_that_a_process_runs_from_is_not_replaced(checkout, done):
    python = checkout / "python"
    python.symlink_to(sys.executable)
    with subprocess.Popen([str(python), "-c", "input()"], stdin=subprocess.PIPE) as running:
        with pytest.raises(SystemExit, match=rf"^error: process {running.pid} runs from [^\n]*$"):
            bootstrap.main("devstack")
        running.kill()
    assert done == []


def test_an_old_python_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(preflight, "OLDEST", (99, 0))
    with pytest.raises(SystemExit, match=r"^error: Python 99\.0 or newer is needed[^\n]*$"):
        preflight.refuse_an_old_python()


@pytest.mark.parametrize("module", [bootstrap, clean, control, preflight])
def test_an_old_python_can_read_what_refuses_it(module):
    ast.parse(Path(module.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_another_system_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SystemExit, match=r"^error: Linux is needed, this is darwin: [^\n]*$"):
        preflight.refuse_another_system()


def test_a_python_without_an_installer_is_told_which_package_has_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    version = "{}.{}".format(*sys.version_info)
    with pytest.raises(SystemExit, match=rf"apt install python{version}-venv$"):
        preflight.refuse_a_python_without_an_installer()


def test_a_full_disk_is_told_with_what_is_free_and_what_is_needed(tmp_path):
    with pytest.raises(SystemExit, match=r"^error: \d+ MB are free in .* and 1000000000 MB are"):
        preflight.refuse_a_full_disk(tmp_path, megabytes=1_000_000_000)


def test_a_port_that_is_taken_is_told_with_the_setting_that_moves_it(tmp_path, monkeypatch):
    for variable in preflight.PORTS:
        monkeypatch.setenv(variable, "0")
    env_file = tmp_path / ".env"
    with socket.create_server((preflight.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.delenv("KAFKA_PORT")
        env_file.write_text(f"KAFKA_PORT={port}")
        with pytest.raises(SystemExit, match=rf"^error: port {port} is taken: .*KAFKA_PORT=0"):
            preflight.refuse_ports_that_are_taken(env_file)
        env_file.write_text(f"KAFKA_PORT={port}\nKAFKA_BOOTSTRAP_SERVERS=kafka:9092")
        preflight.refuse_ports_that_are_taken(env_file)


def test_the_settings_are_read_as_the_services_read_them(tmp_path):
    env_file = tmp_path / ".env"
    env_file.write_text(SETTINGS)
    read = {name: value for name, value in dotenv_values(env_file).items() if value}
    assert preflight.read_env_file(env_file) == read


def test_progress_counts_what_has_come_and_how_much():
    progress = pip_install.Progress(3)
    progress.read("  Downloading aiohttp-3.14.5-cp311-manylinux_x86_64.whl (1.7 MB)")
    progress.read("  Downloading idna-3.20-py3-none-any.whl.metadata (4.1 kB)")
    progress.read("  Using cached https://index/packages/idna-3.20-py3-none-any.whl (300 kB)")
    assert str(progress).startswith("  2 of 3 packages, 2 MB, ")
    assert str(progress).endswith(": idna")


@pytest.mark.parametrize(
    ("output", "explanation"),
    [
        ("WARNING: Temporary failure in name resolution\nERROR: No matching", "no network"),
        ("Collecting x\nERROR: THESE PACKAGES DO NOT MATCH\nbye", "ERROR: THESE PACKAGES"),
        ("", "it said nothing"),
    ],
)
def test_a_failed_installation_is_explained_in_one_line(output, explanation):
    assert pip_install.explain(output).startswith(explanation)


@pytest.mark.parametrize("command", ["down", "status", "logs", "psql"])
def test_what_looks_at_a_stack_imports_nothing_that_is_installed(command, tmp_path):
    environment = {**os.environ, "STATE_DIR": str(tmp_path)}
    looked = subprocess.run(
        [sys.executable, "-IS", "-c", WITHOUT_PACKAGES, str(CHECKOUT), command],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert f" {tmp_path}" in looked.stdout + looked.stderr
    assert "Traceback" not in looked.stderr


WITHOUT_PACKAGES = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("devstack.control", run_name="__main__")
"""
