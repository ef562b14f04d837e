"""Make `.venv` as the lock file says: `python3 devstack/bootstrap.py`.

Standard library only, and written so that an old Python can read it far enough to be refused. A
stamp, written last, says what the environment was made of; whatever differs from it is remade.
"""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what was interrupted is made again next time

import fcntl
import hashlib
import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = CHECKOUT / "requirements-dev.lock"
STAMP = VENV / "stamp"
WORK = CHECKOUT / ".devstack"
LOG = WORK / "pip.log"
SIGNS_OF_NO_NETWORK = (
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "No route to host",
    "Cannot connect to proxy",
    "ConnectTimeoutError",
)


def main() -> None:
    """Make the environment unless it is there already; what is missing is named in one line."""
    refuse_an_old_python()
    if not LOCK.exists():
        sys.exit(f"error: {LOCK.name} is missing: run make in a complete checkout")
    WORK.mkdir(exist_ok=True)
    with (WORK / "bootstrap.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = fingerprint()
        if not (STAMP.exists() and STAMP.read_text() == stamp and PYTHON.exists()):
            make_environment()
            install()
            STAMP.write_text(stamp)


def refuse_an_old_python() -> None:
    """Leave with one line when this Python is too old for the project."""
    if sys.version_info < OLDEST:
        sys.exit(
            "error: Python {}.{} or newer is needed, this is {}: name one with "
            "make PYTHON=/path/to/python3".format(*OLDEST, sys.version.split()[0])
        )


def fingerprint() -> str:
    """Return what the environment depends on: the lock, the Python, and its own place."""
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    return f"{lock}\n{sys.version}\n{sys.base_prefix}\n{VENV}\n"


def make_environment() -> None:
    """Make an empty environment in place of whatever is there."""
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"error: {sys.executable} cannot make virtual environments: "
            "install what it lacks with: apt install python3-venv"
        )
    shutil.rmtree(VENV, ignore_errors=True)
    run_or_exit("making .venv", sys.executable, "-m", "venv", str(VENV))


def install() -> None:
    """Install exactly what the lock file names, and nothing that it does not have the hash of."""
    print(f"installing {LOCK.name} into .venv (once)", flush=True)
    options = (
        "--require-hashes",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar=off",
    )
    run_or_exit(
        "installing the packages", str(PYTHON), "-m", "pip", "install", *options, "-r", str(LOCK)
    )


def run_or_exit(doing: str, *command: str) -> None:
    """Run a command with its output in the log; leave with one line when it fails."""
    with LOG.open("w") as log:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**trusted_certificates(), **os.environ},
        )
    if done.returncode:
        sys.exit(f"error: {doing} failed: {explain(LOG.read_text(errors='replace'))} (log: {LOG})")


def explain(output: str) -> str:
    """Return the line of pip's output that a person needs."""
    if any(sign in output for sign in SIGNS_OF_NO_NETWORK):
        return "no network, and the packages are not installed yet: connect once and run it again"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it said nothing"])[-1]


def trusted_certificates() -> "dict[str, str]":
    """Return variables that make pip trust what this Python trusts."""
    paths = ssl.get_default_verify_paths()
    folder = paths.capath if paths.capath and any(Path(paths.capath).iterdir()) else ""
    trusted = paths.cafile or folder
    return dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), trusted) if trusted else {}


if __name__ == "__main__":
    main()
