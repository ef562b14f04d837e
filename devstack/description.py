"""`stack.json`, which describes a stack while it runs: its addresses, its processes, its source."""

import hashlib
import json
from pathlib import Path
from typing import Any

from devstack.installation import CHECKOUT

SOURCES = ("schemas", "shared", "migrations", "api_service", "worker_service", "demo_provider")
"""The folders that the services of a stack run from."""


def description_path(state_dir: Path) -> Path:
    """Return the file that describes the stack while it runs."""
    return state_dir / "stack.json"


def read_description(state_dir: Path) -> dict[str, Any] | None:
    path = description_path(state_dir)
    return json.loads(path.read_text()) if path.exists() else None


def write_description(state_dir: Path, description: dict[str, Any]) -> None:
    path = description_path(state_dir)
    path.touch(mode=0o600)  # a database that was given by address has a password in it
    path.write_text(json.dumps(description) + "\n")


def source_fingerprint(checkout: Path = CHECKOUT) -> str:
    """Return a value that changes with every file that a stack reads only when it starts."""
    sums = hashlib.sha256()
    for path in (checkout / ".env", *_source_files(checkout)):
        if path.exists():
            sums.update(f"{path}\0{path.stat().st_size}\0{path.stat().st_mtime_ns}\0".encode())
    return sums.hexdigest()[:16]


def _source_files(checkout: Path) -> list[Path]:
    return sorted(
        path
        for folder in SOURCES
        for path in (checkout / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )
