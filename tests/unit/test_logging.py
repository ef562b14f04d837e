"""One JSON line for each event; libraries do not repeat themselves."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.logging import LibraryRepeats


def a_record(name: str = "aiokafka.conn", line: int = 1) -> logging.LogRecord:
    return logging.LogRecord(
        name, logging.ERROR, "/aiokafka/conn.py", line, "no %s", ("node",), None
    )


@pytest.mark.parametrize("name", ["aiokafka.conn", "opentelemetry.sdk._shared_internal"])
def test_a_library_says_the_same_thing_once_in_a_while(name: str):
    repeats = LibraryRepeats(every=3600)

    assert repeats.filter(a_record(name))
    assert not repeats.filter(a_record(name))


def test_a_library_may_say_it_again_after_the_while():
    repeats = LibraryRepeats(every=0)

    assert all(repeats.filter(a_record()) for _ in range(3))


def test_another_place_in_a_library_is_another_thing():
    repeats = LibraryRepeats(every=3600)

    assert repeats.filter(a_record(line=1))
    assert repeats.filter(a_record(line=2))


def test_everybody_else_may_repeat():
    repeats = LibraryRepeats(every=3600)

    assert all(repeats.filter(a_record("shared.postgres.database")) for _ in range(3))


SPEAK = """
import logging
from shared.config import SharedSettings
from shared.runtime.logging import configure, get_log

settings = SharedSettings(
    database_url="postgresql://h/n", kafka_bootstrap_servers="h:1", log_level="info"
)
configure(settings, service="api")
log = get_log()
log.debug("loop_iteration_failed")
log.info("request_accepted", request_id="42", note="é")
log.info("request_accepted", request_id="\\ud800", note=b"\\xff")
for _ in range(3):
    logging.getLogger("aiokafka.conn").error("no %s", "node")
logging.getLogger("aiokafka.conn").info("much")
try:
    secret = "hush"
    raise ValueError("a bug")
except ValueError:
    log.exception("loop_iteration_failed", loop="sweep")
"""


def spoken() -> list[dict[str, Any]]:
    """Return the lines that a process logs: logging is configured once in a process."""
    speaking = subprocess.run(
        [sys.executable, "-W", "error", "-c", SPEAK],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert speaking.stdout == ""
    return [json.loads(line) for line in speaking.stderr.splitlines()]


def test_events_of_ours_and_of_libraries_are_json_lines_of_one_form():
    accepted, odd, kafka, failed = spoken()

    assert accepted.pop("timestamp").endswith("Z")
    assert accepted == {
        "event": "request_accepted",
        "service": "api",
        "level": "info",
        "request_id": "42",
        "note": "é",
    }
    assert odd["request_id"] == "\ud800"
    assert (kafka["event"], kafka["level"]) == ("no node", "error")
    assert (failed["event"], failed["loop"]) == ("loop_iteration_failed", "sweep")
    (raised,) = failed["exception"]
    assert (raised["exc_type"], raised["exc_value"]) == ("ValueError", "a bug")
    assert "hush" not in json.dumps(failed)


def test_a_line_that_cannot_be_written_stops_no_work():
    """A full disk behind stderr: a result in hand must not be lost for a line about it."""
    speak = """
from shared.config import SharedSettings
from shared.runtime.logging import configure, get_log
configure(SharedSettings(log_format="json"), service="test")
for _ in range(1000):
    get_log().info("service_started", port=1)
print("went on")
"""
    with Path("/dev/full").open("wb") as full:
        spoken = subprocess.run(
            [sys.executable, "-c", speak],
            env={"DATABASE_URL": "postgres://a@b/c", "KAFKA_BOOTSTRAP_SERVERS": "a:1"},
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
            timeout=60,
        )

    assert spoken.stdout == b"went on\n"
