"""The invariants that Kafka shows: events, letters, and what became of poison records."""

from collections import Counter
from collections.abc import Collection

from schemas.dead_letters import ABOUT_RECORDS, Header
from shared.postgres.database import Database
from tests.stack import Stack
from tests.support.records import read_to_the_end

Coordinates = tuple[str, int, int]

SETTLED = "SELECT id::text, round FROM generation_requests WHERE completed_at IS NOT NULL"
LETTERS = "SELECT id::text, reason, topic, kafka_partition, kafka_offset FROM dead_letters"


async def violations(
    database: Database, stack: Stack, *, poison: Collection[Coordinates]
) -> list[str]:
    """Return what does not hold once the outbox is empty; `poison` is where poison was sent."""
    return [
        *await _events(database, stack),
        *await _letters(database, stack),
        *await _poison(database, poison),
    ]


async def _events(database: Database, stack: Stack) -> list[str]:
    """Count the distinct events of each request; the relay may repeat one, not add one."""
    records = await read_to_the_end(stack.kafka, stack.topics.events)
    distinct = {(record.key.decode(), dict(record.headers)["ce_id"]) for record in records}
    told = Counter(key for key, _ in distinct)
    settled = {row["id"]: row["round"] for row in await database.fetch(SETTLED)}
    return [
        f"request {request_id} was settled {settled.get(request_id, 0)} times and told of "
        f"{told[request_id]} times"
        for request_id in settled.keys() | told.keys()
        if settled.get(request_id, 0) != told[request_id]
    ]


async def _letters(database: Database, stack: Stack) -> list[str]:
    """Compare the table with its topic, where a letter may stand twice."""
    records = await read_to_the_end(stack.kafka, stack.topics.dead_letters)
    published = {dict(record.headers)[Header.ID].decode() for record in records}
    kept = {row["id"] for row in await database.fetch(LETTERS)}
    return [
        f"letter {letter_id} is in the table or on the topic, not in both"
        for letter_id in published ^ kept
    ]


async def _poison(database: Database, poison: Collection[Coordinates]) -> list[str]:
    found = Counter(
        (row["topic"], row["kafka_partition"], row["kafka_offset"])
        for row in await database.fetch(LETTERS)
        if row["reason"] in ABOUT_RECORDS
    )
    missing = [
        f"the poison at {place} has {found[place]} letters" for place in poison if found[place] != 1
    ]
    return missing + [
        f"the good record at {place} became a letter" for place in found if place not in poison
    ]
