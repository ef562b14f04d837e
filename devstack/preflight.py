"""What this machine must have before anything is installed; what is missing is one line.

Standard library only, and written so that an old Python can read it far enough to be refused.
"""

import importlib.util
import os
import re
import shutil
import socket
import sys
from pathlib import Path

OLDEST = (3, 11)
MEGABYTE = 1_000_000
LOOPBACK = "127.0.0.1"
PORTS = {
    "API_PORT": (8000, None),
    "ADMIN_PORT": ("", None),
    "POSTGRES_PORT": (15_432, "DATABASE_URL"),
    "KAFKA_PORT": (19_092, "KAFKA_BOOTSTRAP_SERVERS"),
}
"""The ports that a stack takes by default, if any, and the setting that starts no such server."""

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*"""
    r"""(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#'"][^\n]*?)?)(?:[ \t]+\#[^\n]*)?[ \t]*$""",
    re.MULTILINE,
)


def refuse_an_old_python() -> None:
    """Leave with one line when this Python is too old for the project."""
    if sys.version_info < OLDEST:
        sys.exit(
            "error: Python {}.{} or newer is needed, this is {}: name one with "
            "make PYTHON=/path/to/python3".format(*OLDEST, sys.version.split()[0])
        )


def refuse_another_system() -> None:
    """Leave with one line where there is no Linux: processes are watched by way of /proc."""
    if sys.platform != "linux":
        sys.exit(f"error: Linux is needed, this is {sys.platform}: use a container")


def refuse_a_python_without_an_installer() -> None:
    """Leave with one line when this Python has neither pip nor what makes pip."""
    if not any(map(importlib.util.find_spec, ("pip", "ensurepip"))):
        version = "{}.{}".format(*sys.version_info)
        sys.exit(
            f"error: {sys.executable} has neither pip nor ensurepip: install them with "
            f"apt install python{version}-venv"
        )


def refuse_a_full_disk(folder: Path, *, megabytes: int) -> None:
    """Leave with one line when less is free than will be written."""
    free = shutil.disk_usage(folder).free // MEGABYTE
    if free < megabytes:
        sys.exit(
            f"error: {free} MB are free in {folder}, and {megabytes} MB are needed: "
            "delete something, or move the checkout to a larger disk"
        )


def refuse_ports_that_are_taken(env_file: Path) -> None:
    """Leave with one line when a server of the stack could not listen on its port."""
    settings = {
        **read_env_file(env_file),
        **{name: value for name, value in os.environ.items() if value},
    }
    for variable, (default, given) in PORTS.items():
        port = settings.get(variable, str(default))
        if given not in settings and port.isdecimal() and is_taken(int(port)):
            sys.exit(
                f"error: port {port} is taken: stop what listens there, or choose another port "
                f"with {variable}=<port> ({variable}=0 picks a free one)"
            )


def refuse_while_in_use(python: Path) -> None:
    """Leave with one line when a process runs from the environment that is to be replaced."""
    name = os.fsencode(python)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0] == name:
            sys.exit(
                f"error: process {process.name} runs from {python.parents[1]}, which has to be "
                "made again: end it first (`make down` ends a stack)"
            )


def read_env_file(env_file: Path) -> "dict[str, str]":
    """Return the plain settings of a `.env`, as far as they can be read without python-dotenv."""
    text = env_file.read_text(errors="replace") if env_file.exists() else ""
    return {name: "".join(value) for name, *value in _LINE.findall(text) if any(value)}


def is_taken(port: int) -> bool:
    """Tell whether a server listens there; connections that are still closing do not count."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
