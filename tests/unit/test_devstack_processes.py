import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import processes
from devstack.children import Child, Lifetime, Program
from devstack.processes import Process

STUBBORN = "import signal, time; signal.signal(15, 1); print('up', flush=True); time.sleep(60)"
PARENT = """
import os, time
from pathlib import Path
from devstack.children import Child, Program
child = Child(Program(command=["/bin/sleep", "60"], log=Path({log!r}), env={{}}, cwd=Path("/")))
print(child.process.pid, child.process.started, flush=True)
time.sleep(60)
"""


def program(log: Path, *command: str) -> Program:
    return Program(command=command, log=log, env=os.environ, cwd=Path.cwd())


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_another_process_with_a_recycled_id_is_left_alone(tmp_path):
    child = Child(program(tmp_path / "log", "/bin/sleep", "60"))
    other = Process(child.process.pid, child.process.started - 1)
    assert not other.is_alive()
    assert other.family() == []
    processes.end([other], by=signal.SIGTERM, within=1)
    assert child.status is None
    child.kill()


def test_who_does_not_leave_is_killed(tmp_path):
    child = Child(program(tmp_path / "log", sys.executable, "-c", STUBBORN))
    eventually(lambda: child.has_logged("up"))
    processes.end([child.process], by=signal.SIGTERM, within=0.1)
    child.reap()
    assert child.status == -signal.SIGKILL


def test_a_frozen_process_leaves_in_order(tmp_path):
    child = Child(program(tmp_path / "log", "/bin/sleep", "60"))
    child.process.send(signal.SIGSTOP)
    processes.end([child.process], by=signal.SIGTERM, within=5)
    child.reap()
    assert child.status == -signal.SIGTERM


def test_descendants_go_with_their_elder(tmp_path):
    log = tmp_path / "log"
    child = Child(program(log, "/bin/sh", "-c", "/bin/sleep 60 & echo up; wait"))
    eventually(lambda: child.has_logged("up") and len(child.process.family()) == 2)
    family = child.process.family()
    child.kill()
    assert not any(process.is_alive() for process in family)


def test_a_tethered_child_dies_with_its_parent(tmp_path):
    code = PARENT.format(log=str(tmp_path / "log"))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = Process(*map(int, parent.stdout.readline().split()))
        assert child.is_alive()
        parent.kill()
    eventually(lambda: not child.is_alive())


def test_a_detached_child_has_a_session_of_its_own(tmp_path):
    child = Child(program(tmp_path / "log", "/bin/sleep", "60"), lifetime=Lifetime.DETACHED)
    assert os.getsid(child.process.pid) == child.process.pid
    child.kill()


@pytest.mark.parametrize(
    ("logged", "last_words"),
    [
        ("one\ntwo\nthree\nfour\n", "two | three | four"),
        ("LOG: starting\nFATAL: no room\nLOG: gone\n", "FATAL: no room"),
        ("", "it said nothing"),
    ],
)
def test_last_words_are_the_complaint_or_the_end_of_the_log(tmp_path, logged, last_words):
    log = tmp_path / "log"
    log.write_text("an error of the run before\n")
    child = Child(program(log, "/usr/bin/printf", "%s", logged))
    child.wait(timeout=5)
    assert child.last_words() == last_words
