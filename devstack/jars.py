"""Apache Kafka's jars: fetched once by jgo, kept in the cache folder, compared with the pins.

`kafka_jars.sha256` names every jar with its SHA-256, as `sha256sum` prints them. Nothing is started
from a cache that differs from it by one jar or one byte.
"""

import hashlib
import os
import shutil
import ssl
import sys
from pathlib import Path

from devstack import children
from devstack.children import Program
from devstack.errors import DevstackError
from devstack.locks import held_lock

_COORDINATES = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
_PINS = Path(__file__).with_name("kafka_jars.sha256")
_FETCH = """
import pathlib, sys, jgo
jgo.build(sys.argv[1], cache_dir=pathlib.Path(sys.argv[2]))
"""
_FETCH_SECONDS = 900.0
_SIGNS_OF_NO_NETWORK = ("NameResolutionError", "NewConnectionError", "ConnectTimeout", "ProxyError")


def kafka_jars(cache_dir: Path, *, log: Path) -> list[Path]:
    """Return the jars of a Kafka broker, fetching them when the cache is not exactly as pinned."""
    home = cache_dir / "kafka"
    pins = read_pins()
    with held_lock(cache_dir / "lock"):
        if _fingerprints(found := _find_jars(home)) == pins:
            return found
        shutil.rmtree(home, ignore_errors=True)
        _fetch(home, log=log)
        if _fingerprints(found := _find_jars(home)) == pins:
            return found
    raise DevstackError(
        f"the Kafka jars that were fetched differ from {_PINS.name}: do not trust them; "
        f"compare with {home}"
    )


def read_pins() -> dict[str, str]:
    """Return the SHA-256 of each jar by its file name."""
    rows = (row.split() for row in _PINS.read_text().splitlines())
    return {name: fingerprint for fingerprint, name in rows}


def _find_jars(home: Path) -> list[Path]:
    return sorted((home / "envs").rglob("*.jar"))


def _fingerprints(jars: list[Path]) -> dict[str, str]:
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}


def _fetch(home: Path, *, log: Path) -> None:
    """Let jgo fetch in a process of its own: it talks to the terminal and takes M2_REPO from it."""
    home.mkdir(parents=True)
    fetch = Program(
        command=[sys.executable, "-c", _FETCH, _COORDINATES, home],
        log=log,
        env={**os.environ, **trusted_certificates(), "M2_REPO": str(home / "m2")},
        cwd=home,
    )
    try:
        children.run(fetch, doing="fetching the Kafka jars", timeout=_FETCH_SECONDS)
    except DevstackError as error:
        shutil.rmtree(home, ignore_errors=True)
        if any(sign in log.read_text(errors="replace") for sign in _SIGNS_OF_NO_NETWORK):
            raise DevstackError(
                "no network, and the Kafka jars are not in the cache yet: connect once, "
                f"or point CACHE_DIR at a cache that has them (log: {log})"
            ) from error
        raise


def trusted_certificates() -> dict[str, str]:
    """Return the variable that makes requests trust what this Python trusts, unless it is set."""
    paths = ssl.get_default_verify_paths()
    trusted = paths.cafile or paths.capath
    if "REQUESTS_CA_BUNDLE" in os.environ or trusted is None:
        return {}
    return {"REQUESTS_CA_BUNDLE": trusted}
