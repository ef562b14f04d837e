"""The services and their migrations before a PostgreSQL that wants TLS and a login."""

import asyncio
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from devstack.certificates import Authority
from devstack.ports import pick_free_port
from migrations.migrate import MigrationFailed, migrate
from shared.config import DatabaseSettings, load
from shared.errors import DatabaseUnavailable
from shared.postgres.database import connect
from shared.secret_files import read_secret
from tests.services import serving, workers_on
from tests.stack import Stack
from tests.support.client import settled, submit
from tests.support.guarded_postgres import (
    BY_CERTIFICATE,
    BY_PASSWORD,
    GuardedPostgres,
    guarded_postgres,
)

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def guarded() -> Iterator[GuardedPostgres]:
    with guarded_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the server does not know, and that has not signed its certificate."""
    authority = Authority(tmp_path_factory.mktemp("other"))
    authority.found("other")
    return authority


@pytest.fixture(autouse=True)
async def _set_password(guarded: GuardedPostgres) -> None:
    await set_password(guarded, "right")


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("right\n", encoding="utf-8")
    return file


async def set_password(guarded: GuardedPostgres, password: str) -> None:
    await guarded.execute(f"ALTER ROLE {BY_PASSWORD} PASSWORD '{password}'")


@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
async def test_a_request_is_settled_over_tls(
    sslmode: str, guarded: GuardedPostgres, stack: Stack, password_file: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    authority: dict[str, object] = (
        {} if sslmode == "require" else {"sslrootcert": guarded.authority.certificate}
    )
    url = guarded.url(**{"sslmode": sslmode} | authority)
    await migrate(url, password=partial(read_secret, password_file))
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(password_file))

    async with serving(replace(stack, database_url=url)) as api:
        async with workers_on(replace(stack, database_url=url)) as start_worker:
            await start_worker()
            await settled(api, await submit(api))
        assert await are_encrypted(guarded) == {True}


async def are_encrypted(guarded: GuardedPostgres) -> set[bool]:
    rows = await guarded.execute(
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        " WHERE application_name = 'api_service'"
    )
    return {row["ssl"] for row in rows}


async def test_a_client_is_let_in_with_a_certificate_alone(guarded: GuardedPostgres):
    ours = guarded.authority.sign(BY_CERTIFICATE)
    url = guarded.url(
        user=BY_CERTIFICATE,
        sslmode="verify-full",
        sslrootcert=guarded.authority.certificate,
        sslcert=ours,
        sslkey=ours,
    )
    await migrate(url)

    async with connect(url, patience=5, pool_size=1, application_name="me") as database:
        row = await database.fetchrow("SELECT current_user AS name")

    assert row is not None
    assert row["name"] == BY_CERTIFICATE


async def test_a_password_that_has_changed_is_read_anew_by_the_next_connection(
    guarded: GuardedPostgres, password_file: Path
):
    url, password = guarded.url(sslmode="require"), partial(read_secret, password_file)
    async with connect(
        url, patience=5, pool_size=1, application_name="me", password=password
    ) as database:
        await database.fetchrow("SELECT 1")
        await set_password(guarded, "newer")
        with pytest.raises(DatabaseUnavailable, match="terminating connection"):
            await database.fetchrow("SELECT pg_terminate_backend(pg_backend_pid())")
        with pytest.raises(DatabaseUnavailable, match="the login is refused"):
            await database.fetchrow("SELECT 1")
        await asyncio.to_thread(password_file.write_text, "newer\n", encoding="utf-8")

        assert await database.fetchrow("SELECT 1")


OURS, CA, OTHER, OTHERS = "ours", "ca", "other", "others"
CLOSED = "connection was closed in the middle of operation"
REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "an authority that is unknown": (
        {"sslmode": "verify-ca", "sslrootcert": OTHER},
        (
            "the server's certificate is refused (self-signed certificate in certificate chain): "
            "correct sslrootcert in DATABASE_URL"
        ),
    ),
    "another name": (
        {"sslmode": "verify-full", "sslrootcert": CA, "host": "localhost"},
        (
            "the server's certificate is refused (Hostname mismatch, certificate is not valid for "
            "'localhost'.): use a name of the certificate in DATABASE_URL"
        ),
    ),
    "no TLS of the client": (
        {"sslmode": "disable"},
        (
            'the login is refused (no pg_hba.conf entry for host "127.0.0.1", user "by_password", '
            'database "generation", no encryption): set sslmode=require in DATABASE_URL'
        ),
    ),
    "a wrong password": (
        {"sslmode": "require"},
        'the login is refused (password authentication failed for user "by_password")',
    ),
    "no certificate": (
        {"sslmode": "require", "user": BY_CERTIFICATE},
        (
            "the login is refused (connection requires a valid client certificate): "
            "set sslcert and sslkey in DATABASE_URL to a certificate of this user"
        ),
    ),
    "a certificate of another authority": (
        {"sslmode": "require", "user": BY_CERTIFICATE, "sslcert": OTHERS, "sslkey": OTHERS},
        "the client's certificate is refused: correct sslcert and sslkey in DATABASE_URL",
    ),
    "a certificate of another user": (
        {"sslmode": "require", "user": BY_CERTIFICATE, "sslcert": OURS, "sslkey": OURS},
        (
            'the login is refused (certificate authentication failed for user "by_certificate"): '
            "set sslcert and sslkey in DATABASE_URL to a certificate of this user"
        ),
    ),
    "files that are no certificates": (
        {"sslmode": "require", "sslcert": CA, "sslkey": CA},
        "TLS fails ([SSL] PEM lib",
    ),
}


@pytest.mark.parametrize("wrong", REFUSALS)
async def test_what_is_refused_is_one_line_that_says_what_to_correct(
    wrong: str, guarded: GuardedPostgres, other: Authority
):
    asked, reason = REFUSALS[wrong]
    files = {
        CA: guarded.authority.certificate,
        OTHER: other.certificate,
        OURS: guarded.authority.sign(BY_PASSWORD),
        OTHERS: other.sign(BY_CERTIFICATE),
    }
    url = guarded.url(**{name: files.get(value, value) for name, value in asked.items()})

    logged = CLOSED
    for _ in range(5):  # a server may close before its alert was read (RFC 8446, section 6.2)
        if logged.endswith(CLOSED):
            logged = await logged_reason(url)
    assert logged[: len(reason)] == reason
    with pytest.raises(MigrationFailed) as failed:
        await migrate(url, password=lambda: "wrong", wait_seconds=1)
    assert reason in str(failed.value)


async def logged_reason(url: str) -> str:
    """Return what the one line of a lost database says."""
    with capture_logs() as logs:
        async with connect(
            url, patience=5, pool_size=1, application_name="me", password=lambda: "wrong"
        ) as database:
            for _ in range(2):
                with pytest.raises(DatabaseUnavailable):
                    await database.fetchrow("SELECT 1")
    (line,) = logs
    assert line["event"] == "database_lost"
    return str(line["reason"])


async def test_a_server_without_tls_is_one_line(database_url: str):
    url = f"{database_url}?sslmode=require"

    with pytest.raises(MigrationFailed) as failed:
        await migrate(url, wait_seconds=0)

    assert str(failed.value) == (
        "PostgreSQL, at DATABASE_URL, cannot be reached: the server has no TLS: "
        "turn its `ssl` on, or correct sslmode in DATABASE_URL"
    )


@pytest.mark.parametrize("module", ["api_service", "worker_service", "api_service.relay"])
async def test_a_service_leaves_with_the_line_and_status_1(
    module: str, guarded: GuardedPostgres, other: Authority
):
    """The loop of the services is another one than that of the tests."""
    settings = {
        "DATABASE_URL": guarded.url(sslmode="verify-full", sslrootcert=other.certificate),
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{pick_free_port()}",
        "SCHEMA_WAIT_SECONDS": "2",
        "API_PORT": str(pick_free_port()),
        "WORKER_HEALTH_PORT": "0",
    }
    service = await create_subprocess_exec(
        *(sys.executable, "-m", module), cwd=CHECKOUT, env=os.environ | settings,
        stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    said, _ = await service.communicate()

    assert service.returncode == 1, said.decode()
    assert said.decode().splitlines()[-1] == (
        "PostgreSQL, at DATABASE_URL, cannot be reached: the server's certificate is refused "
        "(self-signed certificate in certificate chain): correct sslrootcert in DATABASE_URL "
        "(waited 2 s)"
    )


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert"])
def test_a_file_that_is_missing_is_a_wrong_setting(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql://db/x?sslmode=require&{name}=/missing.pem")

    with pytest.raises(SystemExit) as left:
        load(DatabaseSettings)

    reason = f"{name}: /missing.pem cannot be read (No such file or directory)"
    assert reason in str(left.value)
    assert "\n" not in str(left.value)
