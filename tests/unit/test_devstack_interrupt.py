"""Ctrl-C at any moment is no traceback."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
INTERRUPTED_AT_AN_IMPORT = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = [{command!r}, "down"]
{run}
"""

WATCHING = """
from types import SimpleNamespace
from devstack import commands, dev
from devstack.spares import Spares
commands.take_every_farewell_for_an_interrupt()
stack = SimpleNamespace(services=SimpleNamespace(programs=[]))
try:
    print("watching", flush=True)
    dev.restart_on_changes(stack, Spares())
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_process_that_waits_for_changes_ends_it(signum: signal.Signals):
    with subprocess.Popen(
        [sys.executable, "-c", WATCHING], cwd=CHECKOUT, stdout=subprocess.PIPE
    ) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        watching.send_signal(signum)

        assert watching.wait(timeout=10) == 0
        assert watching.stdout.read() == b"interrupted\n"


@pytest.mark.parametrize(
    ("run", "module"),
    [
        ("runpy.run_module('devstack.bootstrap', run_name='__main__')", "ssl"),
        ("runpy.run_module('devstack', run_name='__main__')", "devstack.commands"),
    ],
)
def test_an_interrupt_while_a_command_loads_its_modules_says_nothing(run: str, module: str):
    code = INTERRUPTED_AT_AN_IMPORT.format(run=run, module=module, command="devstack")
    left = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, check=False, timeout=60
    )

    assert (left.returncode, left.stdout, left.stderr) == (-signal.SIGINT, b"", b"")
