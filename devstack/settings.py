"""What devstack is told by the environment, which `make` variables and `.env` are part of."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError
from devstack.installation import find_state_dir

_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_PORTS = range(65_536)
_PROCESSES = range(1, 65)
_LONGEST_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The stack that is wanted; port 0 picks one, a server given by address is not started."""

    state_dir: Path
    api_host: str
    api_port: int
    api_prefix: str
    api_processes: int
    admin_host: str
    admin_port: int | None
    """None: the operators' routes stand on `api_port`."""
    workers: int
    postgres_port: int
    kafka_port: int
    database_url: str | None
    kafka_bootstrap_servers: str | None
    drain_seconds: float
    environment: Mapping[str, str]
    """What the services inherit."""

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "logs"


DRAIN_SECONDS = 40.0
"""The worker's own default."""


def read_settings() -> Settings:
    """Read the environment; an empty variable counts as one that is not set."""
    return _settings_of({name: value for name, value in os.environ.items() if value})


def read_settings_of_running() -> Settings:
    """Read the environment for a stack that runs: what is wrong in it must not keep it from ending.

    Where a setting is wrong, only STATE_DIR and DATABASE_URL count.
    """
    try:
        return read_settings()
    except DevstackError:
        return _settings_of({n: v for n in ("DATABASE_URL",) if (v := os.environ.get(n))})


def _settings_of(environment: Mapping[str, str]) -> Settings:
    return Settings(
        state_dir=_state_dir(),
        api_host=environment.get("API_HOST", "127.0.0.1"),
        api_port=_number(environment, "API_PORT", default=8000, within=_PORTS),
        api_prefix=_prefix(environment),
        api_processes=_number(environment, "API_PROCESSES", default=1, within=_PROCESSES),
        admin_host=environment.get("ADMIN_HOST", "127.0.0.1"),
        admin_port=_admin_port(environment),
        workers=_number(environment, "WORKERS", default=1, within=_PROCESSES),
        postgres_port=_number(environment, "POSTGRES_PORT", default=15_432, within=_PORTS),
        kafka_port=_number(environment, "KAFKA_PORT", default=19_092, within=_PORTS),
        database_url=environment.get("DATABASE_URL"),
        kafka_bootstrap_servers=environment.get("KAFKA_BOOTSTRAP_SERVERS"),
        drain_seconds=_seconds(environment, "DRAIN_SECONDS", default=DRAIN_SECONDS),
        environment=environment,
    )


def _state_dir() -> Path:
    state_dir = find_state_dir()
    if not str(state_dir).isprintable():
        raise DevstackError(f"STATE_DIR is {str(state_dir)!r}: give a name of printable letters")
    return state_dir


def _prefix(environment: Mapping[str, str]) -> str:
    given = environment.get("API_PREFIX", "")
    if not _PREFIX.fullmatch(given):
        raise DevstackError(f"API_PREFIX is {given!r}: give a path such as /api/v1")
    return given


def _admin_port(environment: Mapping[str, str]) -> int | None:
    if "ADMIN_PORT" not in environment:
        return None
    return _number(environment, "ADMIN_PORT", default=0, within=_PORTS)


def _number(environment: Mapping[str, str], name: str, *, default: int, within: range) -> int:
    given = environment.get(name, str(default))
    if not given.isdecimal() or int(given) not in within:
        raise DevstackError(f"{name} is {given!r}: give a number from {within[0]} to {within[-1]}")
    return int(given)


def _seconds(environment: Mapping[str, str], name: str, *, default: float) -> float:
    given = environment.get(name, str(default))
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise DevstackError(
            f"{name} is {given!r}: give a number of seconds, more than 0 and no more than"
            f" {_LONGEST_SECONDS}"
        )
    return seconds
