"""Structured logs: constant events, identifiers as fields, one line for each change of state."""

import json
import logging
import logging.config
import sys
import time
from contextlib import suppress
from typing import Any, BinaryIO, Literal, Protocol, cast

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, Processor

from shared.config import SharedSettings, misspelt

Event = Literal[
    "accept_check_failed",
    "admission_lowered",
    "admission_restored",
    "attempt_finished",
    "attempt_raised",
    "breaker_closed",
    "breaker_opened",
    "collector_lost",
    "collector_reached",
    "database_lost",
    "database_reached",
    "drain_begun",
    "item_progressed",
    "kafka_denied",
    "kafka_lost",
    "kafka_reached",
    "late_result_dropped",
    "lease_lost",
    "message_dead_lettered",
    "message_ignored",
    "messages_ignored",
    "outbox_row_parked",
    "outbox_row_refused",
    "partitions_assigned",
    "partitions_revoked",
    "loop_iteration_failed",
    "provider_call_failed",
    "provider_form_refused",
    "proxy_not_supported",
    "provider_calls_lost",
    "request_accepted",
    "request_claimed",
    "request_refused",
    "request_released",
    "request_settled",
    "request_swept",
    "run_failed",
    "service_started",
    "setting_unknown",
    "service_stopped",
    "tracing_unavailable",
    "worker_drained",
    "worker_stalled",
]


class Log(Protocol):
    """A logger that takes only known events: a typing mistake is a type error."""

    def debug(self, event: Event, **identifiers: object) -> None: ...
    def info(self, event: Event, **identifiers: object) -> None: ...
    def warning(self, event: Event, **identifiers: object) -> None: ...
    def error(self, event: Event, **identifiers: object) -> None: ...
    def exception(self, event: Event, **identifiers: object) -> None: ...


def get_log() -> Log:
    """Make a logger that `configure` may configure later."""
    return cast("Log", structlog.get_logger())


def configure(settings: SharedSettings, *, service: str) -> None:
    """Send structlog's events and the libraries' records to stderr in one form.

    Ours go there directly: a detour through `logging` costs three times as much. A line that
    cannot be written, as on a full disk, is lost: the work that it speaks of goes on.
    """

    def add_service(_: object, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        add_service,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_renderers(settings.log_format), _to_bytes],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", _Lossy(sys.stderr.buffer))),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_stdlib_config(settings, shared))
    for name, nearest in misspelt():
        get_log().warning("setting_unknown", name=name, nearest=nearest)


def _stdlib_config(settings: SharedSettings, shared: list[Processor]) -> dict[str, Any]:
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_renderers(settings.log_format),
        ],
    }
    handler = {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stderr",
        "formatter": "structlog",
        "filters": ["repeats"],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"repeats": {"()": LibraryRepeats}},
        "formatters": {"structlog": formatter},
        "handlers": {"stderr": handler},
        "root": {"handlers": ["stderr"], "level": settings.log_level.upper()},
        "loggers": {
            name: {"level": max(level, logging.getLevelName(settings.log_level.upper()))}
            for name, level in _LIBRARY_LEVELS.items()
        },
    }


_LIBRARY_LEVELS = {
    "aiokafka": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "opentelemetry": logging.WARNING,
    "opentelemetry.exporter": logging.CRITICAL,  # the services log the outage themselves
    "opentelemetry.util.re": logging.CRITICAL,  # it shows headers that it cannot read
    "urllib3": logging.ERROR,
    "uvicorn": logging.WARNING,
    "uvicorn.access": logging.ERROR,
    "uvicorn.error": logging.ERROR,  # its warnings are about what clients send
}


def _renderers(log_format: str) -> list[Processor]:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(without_locals),
        structlog.processors.JSONRenderer(_json),
    ]


def _json(event: object, **_: object) -> str:
    try:
        return to_json(event, fallback=repr).decode()
    except ValueError:  # a lone surrogate
        return json.dumps(event, default=repr)


def _to_bytes(_: object, __: str, line: Any) -> bytes:
    return str(line).encode(errors="backslashreplace")


class _Lossy:
    """A file of which no failure is told."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: bytes) -> None:
        with suppress(OSError):
            self._file.write(line)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


_REPETITIVE = ("aiokafka", "opentelemetry")


class LibraryRepeats(logging.Filter):
    """Let a library say the same thing once in `every` seconds.

    aiokafka logs over a thousand lines in fifteen seconds of an outage, OpenTelemetry one for each
    span that it drops. The services log the outage themselves, once when it begins and once when it
    ends.
    """

    def __init__(self, every: float = 300.0) -> None:
        super().__init__()
        self._every = every
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass our own events, and a library's place in its code that was quiet for long."""
        if not record.name.startswith(_REPETITIVE):
            return True
        place = (record.pathname, record.lineno)
        now = time.monotonic()
        if now - self._last.get(place, -self._every) < self._every:
            return False
        self._last[place] = now
        return True
