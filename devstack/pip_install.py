"""Install a lock file with pip, and say every few seconds how far that is.

Standard library only: it runs before anything is installed.
"""

import importlib.util
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

REPORT_SECONDS = 2.0
AT_ONCE = 4
"""How many pips share the work: one alone waits for the network, then for a core, in turns."""

_REQUIREMENT = re.compile(r"^\S+==(?:.*\\\n)*.*\n?", re.MULTILINE)
_DOWNLOAD = re.compile(
    r"(?:Downloading|Using cached) (?:\S*/)?([^/\s]+?)-\d\S*(?<!\.metadata) \(([\d.]+) ([kM]?)B\)"
)
_MEGABYTES = {"": 1e-6, "k": 1e-3, "M": 1.0}
_OPTIONS = (
    "--require-hashes",
    "--no-deps",  # the lock names them all
    "--no-compile",  # most modules are never imported
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
)
SIGNS_OF_NO_NETWORK = (
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "No route to host",
    "Cannot connect to proxy",
    "ConnectTimeoutError",
)


class Progress:
    """What the pips have said so far: how many packages have come, and how much."""

    def __init__(self, packages: int) -> None:
        self._packages = packages
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._fetched = 0
        self._megabytes = 0.0
        self._doing = "looking up packages"

    def read(self, line: str) -> None:
        with self._lock:
            if found := _DOWNLOAD.search(line):
                self._fetched += 1
                self._megabytes += float(found[2]) * _MEGABYTES[found[3]]
                self._doing = found[1]
            elif line.startswith("Installing collected packages"):
                self._doing = "unpacking"
            elif line.startswith("Successfully installed"):
                self._doing = "installed"

    def __str__(self) -> str:
        seconds = time.monotonic() - self._started
        fetched = f"{self._fetched} of {self._packages} packages, {self._megabytes:.0f} MB"
        return f"  {fetched}, {seconds:.0f} s: {self._doing}"


def install(python: Path, lock: Path, *, work: Path) -> None:
    """Install exactly what the lock names, and nothing that it does not have the hash of."""
    requirements = _REQUIREMENT.findall(lock.read_text())
    progress = Progress(len(requirements))
    parts = [requirements[first::AT_ONCE] for first in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        installing = [
            threads.submit(_install, python, part, work / f"pip-{number}", progress)
            for number, part in enumerate(parts, start=1)
        ]
        while wait(installing, timeout=REPORT_SECONDS).not_done:
            print(progress, flush=True)
    for ended in installing:
        if complaint := ended.result():
            sys.exit(f"error: installing the packages failed: {complaint}")
    print(progress, flush=True)


def _install(python: Path, part: "list[str]", work: Path, progress: Progress) -> str:
    """Let one pip install a part of the lock; return what it complains about."""
    part_of_lock = work.with_suffix(".lock")
    part_of_lock.write_text("".join(part))
    command = (*_pip(python), "install", *_OPTIONS, "-r", str(part_of_lock))
    return run(command, log=work.with_suffix(".log"), read=progress.read)


def run(
    command: "Sequence[str]", *, log: Path, read: "Callable[[str], None]" = lambda _: None
) -> str:
    """Run a command with its output in the log; return one line about its failure, or nothing."""
    with (
        log.open("w") as written,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**trusted_certificates(), **os.environ, "PYTHONUNBUFFERED": "1"},
            text=True,
            errors="replace",
        ) as running,
    ):
        for line in running.stdout or ():
            written.write(line)
            read(line)
    return f"{explain(log.read_text())} (log: {log})" if running.returncode else ""


def _pip(python: Path) -> "tuple[str, ...]":
    """Return the pip of this Python where it has one: the environment needs none then."""
    if importlib.util.find_spec("pip"):
        return (sys.executable, "-m", "pip", "--python", str(python))
    return (str(python), "-m", "pip")


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
