"""Set aside what can never be handled, with its bytes, once for each record."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import asyncpg
from uuid_utils.compat import uuid7

from shared.database import Database
from shared.logging import get_log
from worker_service.text import storable

log = get_log()

INSERT = """
INSERT INTO dead_letters
    (id, reason, error_message, topic, kafka_partition, kafka_offset, content_digest,
     record_key, record_value, header_names, header_values)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT ON CONSTRAINT one_letter_for_each_record DO NOTHING
RETURNING id"""


class Reason(StrEnum):
    """Why a record is a letter; public, in the table and on the topic."""

    UNREADABLE = "unreadable"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_REQUEST = "unknown_request"
    UNDECODABLE = "undecodable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A record that can never be handled; key, value and headers where they could be read."""

    topic: str
    partition: int
    offset: int
    reason: Reason
    error: str
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()

    @property
    def digest(self) -> bytes:
        """The SHA-256 of key and value, NULL and empty kept apart."""
        parts = (
            b"-" if part is None else b"+%d:%b" % (len(part), part)
            for part in (self.key, self.value)
        )
        return hashlib.sha256(b"".join(parts)).digest()


async def set_aside(database: Database, poison: Poison) -> None:
    """Write the letter of a record; the same record again changes nothing.

    A record whose headers PostgreSQL cannot keep is set aside by its coordinates alone.

    Raises:
        DatabaseUnavailable: the record must be tried again, never skipped.
    """
    try:
        written = await _insert(database, poison)
    except (asyncpg.DataError, ValueError) as error:
        coordinates = Poison(
            topic=poison.topic,
            partition=poison.partition,
            offset=poison.offset,
            reason=poison.reason,
            error=f"{poison.error} ({type(error).__name__}: its bytes could not be kept)",
        )
        written = await _insert(database, coordinates)
    if written:
        log.warning(
            "message_set_aside",
            topic=poison.topic,
            partition=poison.partition,
            offset=poison.offset,
            reason=poison.reason,
        )


async def _insert(database: Database, poison: Poison) -> bool:
    row = await database.fetchrow(
        INSERT,
        uuid7(),
        poison.reason,
        storable(poison.error),
        poison.topic,
        poison.partition,
        poison.offset,
        poison.digest,
        poison.key,
        poison.value,
        [name for name, _ in poison.headers],
        [value for _, value in poison.headers],
    )
    return row is not None
