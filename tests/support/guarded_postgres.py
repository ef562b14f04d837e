"""A PostgreSQL that wants TLS and a password or a certificate, where one that has TLS is installed.

That of the stack is built without it.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import asyncpg
import pytest

from devstack.certificates import Authority
from devstack.installation import unprivileged_account
from devstack.ports import LOOPBACK
from devstack.postgres import DATABASE, USER, Postgres

BY_PASSWORD, BY_CERTIFICATE = "by_password", "by_certificate"
"""Users of the server, named after what they show it; over TLS alone."""

_ACCESS = f"""
hostnossl all  {USER}            127.0.0.1/32  trust
hostssl   all  {BY_PASSWORD}     127.0.0.1/32  scram-sha-256
hostssl   all  {BY_CERTIFICATE}  127.0.0.1/32  cert
"""


@dataclass(frozen=True, slots=True)
class GuardedPostgres:
    """The server, and what its clients are told."""

    server: Postgres
    authority: Authority

    def url(self, **asked: object) -> str:
        """Return the address, with parameters of libpq."""
        asked = {"host": LOOPBACK, "port": self.server.port, "user": BY_PASSWORD} | asked
        parameters = urlencode({name: str(value) for name, value in asked.items()})
        return f"postgresql:///{DATABASE}?{parameters}"

    async def execute(self, statement: str) -> list[asyncpg.Record]:
        """Run a statement as the administrator, who comes without TLS."""
        connection = await asyncpg.connect(self.url(user=USER, sslmode="disable"))
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    async def make_users(self) -> None:
        for user in (BY_PASSWORD, BY_CERTIFICATE):
            await self.execute(f"CREATE ROLE {user} SUPERUSER LOGIN")


@contextmanager
def guarded_postgres() -> Iterator[GuardedPostgres]:
    """Start such a server; its certificate is for 127.0.0.1."""
    binaries = _binaries()
    # Not below the folder of a test: another user than root runs the server.
    folder = Path(tempfile.mkdtemp(prefix="generation-tls-", dir="/var/tmp"))
    try:
        folder.chmod(0o755)
        server, authority = _server(folder, binaries)
        server.start()
        try:
            guarded = GuardedPostgres(server, authority)
            asyncio.run(guarded.make_users())
            yield guarded
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    """Return the programs of the newest server of the system's packages."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]  # Debian keeps them off the PATH
    on_path = shutil.which("initdb")
    newest = max(found, key=lambda path: int(path.parts[4]), default=on_path)
    if newest is None:
        pytest.skip("no PostgreSQL with TLS is installed")
    return Path(newest).resolve().parent


def _server(folder: Path, binaries: Path) -> tuple[Postgres, Authority]:
    authority = Authority(folder / "certificates")
    authority.found()
    certificate = authority.sign("server", alternatives=f"IP:{LOOPBACK}")
    certificate.chmod(0o600)
    if account := unprivileged_account():
        os.chown(certificate, account.uid, account.gid)
    access = folder / "pg_hba.conf"
    access.write_text(_ACCESS, encoding="utf-8")
    settings = {
        "ssl": "on",
        "ssl_cert_file": certificate,
        "ssl_key_file": certificate,
        "ssl_ca_file": authority.certificate,
        "hba_file": access,
    }
    told = {name: str(value) for name, value in settings.items()}
    state = folder / "state"
    return Postgres(state_dir=state, durable=False, settings=told, binaries=binaries), authority
