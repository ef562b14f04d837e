"""The npm tools that check the contract, installed once, as `tests/node/package-lock.json` says."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from devstack.installation import find_cache_dir
from devstack.locks import held_lock

_FOLDER = Path(__file__).parents[1] / "node"
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def node_modules() -> Path:
    """Return the folder of the tools; skip the test where they cannot be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is not installed")
    lock = (_FOLDER / "package-lock.json").read_bytes()
    place = find_cache_dir() / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    with held_lock(place.with_suffix(".lock")):
        if not (place / "complete").exists():
            _install(npm, place)
    return place / "node_modules"


def _install(npm: str, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for file in _FOLDER.glob("package*.json"):
        shutil.copy(file, place)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed = subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=300, check=False
    )
    if installed.returncode:
        pytest.skip(f"npm could not install the tools: {installed.stderr.strip()[-200:]}")
    (place / "complete").touch()


def run_tool(name: str, *arguments: str, cwd: Path) -> str:
    """Run a tool and return what it says; the test fails where the tool does."""
    done = subprocess.run(
        [str(node_modules() / ".bin" / name), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **_QUIET},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
