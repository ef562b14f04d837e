"""PgBouncer in its transaction mode, where it is installed."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest

from devstack.ports import LOOPBACK, pick_free_port
from tests.support.waiting import eventually

_SESSIONS = 3
"""Sessions of the server: few, so that those who come through it share them."""


@asynccontextmanager
async def pgbouncer(url: str, folder: Path, *told: str) -> AsyncIterator[str]:
    """Put a pooler before a server, and lend the address that leads through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    server, port = urlsplit(url), pick_free_port()
    settings = _settings(server, port, told)
    process = await asyncio.to_thread(_started, program, settings, folder)
    try:
        await eventually(lambda: _answers(port), what="PgBouncer answers")
        yield server._replace(netloc=f"{server.username}@{LOOPBACK}:{port}").geturl()
    finally:
        process.kill()
        process.wait()


def _settings(server: SplitResult, port: int, told: Sequence[str]) -> str:
    lines = [
        "[databases]",
        f"* = host={server.hostname} port={server.port} user={server.username}",
        "[pgbouncer]",
        f"listen_addr = {LOOPBACK}",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        "pool_mode = transaction",
        f"default_pool_size = {_SESSIONS}",
        *told,
    ]
    return "\n".join(lines)


def _started(program: str, settings: str, folder: Path) -> subprocess.Popen[bytes]:
    file = folder / "pgbouncer.ini"
    file.write_text(settings, encoding="utf-8")
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    with (folder / "pgbouncer.log").open("wb") as log:
        return subprocess.Popen([program, *account, file], stdout=log, stderr=log)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex((LOOPBACK, port)) == 0
