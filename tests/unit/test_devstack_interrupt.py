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
