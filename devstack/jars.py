"""Apache Kafka's jars: fetched once, kept in the cache folder, compared with the pins.

`kafka_jars.sha256` names every jar by its path in a Maven repository, with its SHA-256, as
`sha256sum` prints them. Nothing starts from a cache that differs by one jar or one byte.
"""

import hashlib
import os
import shutil
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path

from devstack.children import Child, Program
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT
from devstack.locks import held_lock

_PINS = Path(__file__).with_name("kafka_jars.sha256")
MEGABYTES = 46
"""What all of them weigh."""
_FETCH_SECONDS = 900.0
_REPORT_SECONDS = 2.0
_POLL_SECONDS = 0.05
_SIGNS_OF_NO_NETWORK = ("NameResolutionError", "NewConnectionError", "ConnectTimeout", "ProxyError")


def kafka_jars(
    cache_dir: Path, *, log: Path, report: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Return the jars of a Kafka broker, fetching them when the cache is not exactly as pinned."""
    home = jars_dir(cache_dir)
    pins = read_pins()
    with held_lock(cache_dir / "lock"):
        if _fingerprints(home) != pins:
            shutil.rmtree(home, ignore_errors=True)
            _fetch(home, log=log, report=report)
        if _fingerprints(home) == pins:
            return [home / name for name in pins]
    raise DevstackError(
        f"the Kafka jars that were fetched differ from {_PINS.name}: do not trust them; "
        f"compare with {home}"
    )


def jars_dir(cache_dir: Path) -> Path:
    return cache_dir / "jars"


def read_pins() -> dict[str, str]:
    """Return the SHA-256 of each jar by its path in a repository."""
    rows = (row.split() for row in _PINS.read_text().splitlines())
    return {name: fingerprint for fingerprint, name in rows}


def _fingerprints(home: Path) -> dict[str, str]:
    return {
        jar.relative_to(home).as_posix(): hashlib.sha256(jar.read_bytes()).hexdigest()
        for jar in home.rglob("*.jar")
    }


def _fetch(home: Path, *, log: Path, report: Callable[[str], None]) -> None:
    home.mkdir(parents=True)
    program = Program(
        command=[sys.executable, "-m", "devstack.fetch_jars", home],
        log=log,
        env={**os.environ, **trusted_certificates()},
        cwd=CHECKOUT,
    )
    try:
        _run(program, home, report)
    except DevstackError as error:
        shutil.rmtree(home, ignore_errors=True)
        if any(sign in log.read_text(errors="replace") for sign in _SIGNS_OF_NO_NETWORK):
            raise DevstackError(
                "no network, and the Kafka jars are not in the cache yet: connect once, "
                f"or point CACHE_DIR at a cache that has them (log: {log})"
            ) from error
        raise


def _run(program: Program, home: Path, report: Callable[[str], None]) -> None:
    """Run the program to its end, and report now and then how much has come."""
    child = Child(program)
    started = reported = time.monotonic()
    try:
        while child.status is None:
            if time.monotonic() > started + _FETCH_SECONDS:
                raise DevstackError(f"fetching the Kafka jars took too long (log: {child.log})")
            if time.monotonic() > reported + _REPORT_SECONDS:
                reported = time.monotonic()
                report(f"fetching Kafka: {_megabytes(home)} of {MEGABYTES} MB")
            time.sleep(_POLL_SECONDS)
    finally:
        child.kill()
    if child.status:
        raise DevstackError(
            f"fetching the Kafka jars failed: {child.last_words()} (log: {child.log})"
        )


def _megabytes(home: Path) -> int:
    return sum(jar.stat().st_size for jar in home.rglob("*.jar")) // 1_000_000


def trusted_certificates() -> dict[str, str]:
    """Return the variable that makes requests trust what this Python trusts, unless it is set."""
    paths = ssl.get_default_verify_paths()
    trusted = paths.cafile or paths.capath
    if "REQUESTS_CA_BUNDLE" in os.environ or trusted is None:
        return {}
    return {"REQUESTS_CA_BUNDLE": trusted}
