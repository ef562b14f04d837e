"""Wait with the libraries loaded, then become a service: `python -m devstack.spare FD`.

FD is a socket over which `devstack.spares` says, when the source has changed, what to become. The
libraries are four fifths of what a service takes to load, and change only with the environment.
"""

import ast
import fcntl
import importlib
import json
import os
import runpy
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from devstack.description import SOURCES
from devstack.installation import CHECKOUT

MESSAGE_BYTES = 1 << 18
"""The longest message: an environment and a command."""
_DESCRIPTORS = 8


def main() -> None:
    """Load the libraries, and become what comes over the socket; leave when it is closed."""
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        for name in imported_libraries([CHECKOUT / folder for folder in SOURCES]):
            with suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(name)
        message, received, *_ = socket.recv_fds(orders, MESSAGE_BYTES, _DESCRIPTORS)
    if message:
        _become(json.loads(message), received)


def _become(order: dict[str, Any], received: Collection[int]) -> None:
    """Take on the environment, the open files and the arguments, and run the module."""
    module, sys.argv[1:] = order["module"], order["arguments"]
    os.environ.clear()
    os.environ.update(order["env"])
    renumber(received, order["pass_fds"])
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def renumber(received: Collection[int], wanted: Collection[int]) -> None:
    """Give open files the numbers of elsewhere; all are moved out of the way first."""
    above = max((*received, *wanted), default=0) + 1
    moved = [fcntl.fcntl(got, fcntl.F_DUPFD, above) for got in received]
    for got in received:
        os.close(got)
    for moving, number in zip(moved, wanted, strict=True):
        os.dup2(moving, number)
        os.close(moving)


def imported_libraries(folders: Collection[Path]) -> Iterator[str]:
    """Return the modules of others that the sources import as they load."""
    files = (file for folder in folders for file in sorted(folder.rglob("*.py")))
    ours = {folder.name for folder in folders}
    names = (name for file in files for name in _imports_of(file))
    return iter(dict.fromkeys(name for name in names if name.partition(".")[0] not in ours))


def _imports_of(file: Path) -> Iterator[str]:
    try:
        body = ast.parse(file.read_bytes()).body
    except SyntaxError:  # it is being edited
        return
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module


if __name__ == "__main__":
    main()
