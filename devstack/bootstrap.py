"""Make `.venv` as a lock file says: `python3 -m devstack.bootstrap devstack` or `... dev`.

`devstack` is what a stack needs, `dev` is that and what tests and checks need. Standard library
only, and written so that an old Python can read it far enough to be refused. A stamp, written last,
says what the environment was made of; an environment that differs from it is made again.
"""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what was interrupted is made again next time

import fcntl
import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path

from devstack import preflight

preflight.refuse_an_old_python()

from devstack.pip_install import install, run

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "stamp"
WORK = CHECKOUT / ".devstack"
LEVELS = {"devstack": ("devstack", "dev"), "dev": ("dev",)}
"""What may be asked for, and the locks that hold it."""
MEGABYTES = {"devstack": 700, "dev": 1000}
"""What is written until the first stack runs, or the tests do."""


def main(level: str) -> None:
    """Make the environment unless it is there already; what is missing is named in one line."""
    if not lock_of(level).exists():
        sys.exit(f"error: {lock_of(level).name} is missing: run make in a complete checkout")
    WORK.mkdir(exist_ok=True)
    with (WORK / "bootstrap.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = read_stamp()
        if not any(fingerprint(lock) in stamp for lock in LEVELS[level]):
            look_before(level)
            make_or_extend(level, stamp)


def look_before(level: str) -> None:
    """Refuse a machine on which the installation, or the stack after it, would fail."""
    preflight.refuse_another_system()
    preflight.refuse_a_python_without_an_installer()
    preflight.refuse_a_full_disk(CHECKOUT, megabytes=MEGABYTES[level])
    if level == "devstack":
        preflight.refuse_ports_that_are_taken(CHECKOUT / ".env")


def make_or_extend(level: str, stamp: "list[str]") -> None:
    """Install a lock: on top of the one that it holds, else into a new environment."""
    if level == "dev" and fingerprint("devstack") in stamp:
        done = stamp
    else:
        preflight.refuse_while_in_use(PYTHON)
        make_environment()
        done = []
    name = lock_of(level).name
    print(f"installing {name} into .venv, once", flush=True)
    install(PYTHON, lock_of(level), work=WORK)
    STAMP.write_text("\n".join([*done, fingerprint(level)]))


def lock_of(level: str) -> Path:
    return CHECKOUT / f"requirements-{level}.lock"


def fingerprint(level: str) -> str:
    """Return what the environment depends on: the lock, the Python, and its own place."""
    made_of = (lock_of(level).read_text(), sys.version, sys.base_prefix, str(VENV))
    return hashlib.sha256("\n".join(made_of).encode()).hexdigest()


def read_stamp() -> "list[str]":
    """Return the fingerprints of what is installed."""
    return STAMP.read_text().split() if STAMP.exists() and PYTHON.exists() else []


def make_environment() -> None:
    """Make an empty environment in place of the one that is there; with pip if only it has one."""
    if Path(sys.prefix) == VENV:
        sys.exit("error: .venv has to be made again, and this is its own Python: name another one")
    shutil.rmtree(VENV, ignore_errors=True)
    options = ("--without-pip",) if importlib.util.find_spec("pip") else ()
    complaint = run((sys.executable, "-m", "venv", *options, str(VENV)), log=WORK / "venv.log")
    if complaint:
        sys.exit(f"error: making .venv failed: {complaint}")


if __name__ == "__main__":
    main(sys.argv[1])
