"""End the stack and delete what make has made: `python3 -m devstack.clean`.

Standard library only: `.venv` may be missing, and goes with the rest.
"""

import shutil
import sys
from pathlib import Path

from devstack import preflight

preflight.refuse_an_old_python()

from devstack.errors import DevstackError
from devstack.installation import CHECKOUT, find_cache_dir, find_state_dir, remove_shared_dir
from devstack.roster import Roster
from devstack.settings import DRAIN_SECONDS

_OURS_IN_STATE = ("kafka", "postgres", "logs", "lock", "processes.json", "stack.json")
_OURS_IN_CACHE = ("jars", "lock", "model_servers")
_OURS_IN_CHECKOUT = (".venv", ".devstack", ".mypy_cache", ".pytest_cache", ".ruff_cache")
_MORE_CACHES = (".import_linter_cache", ".hypothesis")


def main() -> None:
    """Delete by name: STATE_DIR and CACHE_DIR may be folders with other things in them."""
    try:
        Roster(find_state_dir(), drain_seconds=DRAIN_SECONDS).end()
    except DevstackError as error:
        sys.exit(f"error: {error}")
    _delete_in(find_state_dir(), _OURS_IN_STATE)
    _delete_in(find_cache_dir(), _OURS_IN_CACHE)
    _delete_in(CHECKOUT, (*_OURS_IN_CHECKOUT, *_MORE_CACHES))
    remove_shared_dir()
    for compiled in CHECKOUT.rglob("__pycache__"):
        shutil.rmtree(compiled, ignore_errors=True)


def _delete_in(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
