"""Totals of what a stack asked of PostgreSQL and Kafka: statements, commits, messages."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import statements
from benchmarks.rounds import Sample
from benchmarks.servers import PARTITIONS, Stack, connected
from shared.outbox import CLAIM_LEFTOVERS, DELETE_STALE_DISPATCHES
from shared.postgres.schema import APPLIED
from worker_service.claims.lease import HEARTBEAT, LOST, MAY_TAKE_OVER_UNTIL
from worker_service.claims.rescue import CLAIM_WAITING, RESUME_RELEASED, TAKE_OVER, TAKE_SUSPECT
from worker_service.maintenance.crash_loops import CRASH_LOOPS
from worker_service.maintenance.deadlines import OVERDUE
from worker_service.maintenance.exhausted_releases import EXHAUSTED
from worker_service.maintenance.unserved import UNKNOWN_ENTITY_TYPE, UNKNOWN_PROVIDER

BY_THE_CLOCK = (
    APPLIED,
    CLAIM_LEFTOVERS,
    CLAIM_WAITING,
    CRASH_LOOPS,
    DELETE_STALE_DISPATCHES,
    EXHAUSTED,
    HEARTBEAT,
    LOST,
    MAY_TAKE_OVER_UNTIL,
    OVERDUE,
    RESUME_RELEASED,
    TAKE_OVER,
    TAKE_SUSPECT,
    UNKNOWN_ENTITY_TYPE,
    UNKNOWN_PROVIDER,
)
"""Left out: how often the loops that run by the clock ask depends on how long a run takes."""

WAL_INSPECTION = "CREATE EXTENSION IF NOT EXISTS pg_walinspect"
POSITION = "SELECT pg_current_wal_flush_lsn()::text"
COMMITS = """
SELECT sum(count)::int
  FROM pg_get_wal_stats($1::text::pg_lsn, pg_current_wal_flush_lsn(), per_record => true)
 WHERE "resource_manager/record_type" = 'Transaction/COMMIT'"""


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts from where PostgreSQL's log and Kafka's topics ended when it began."""

    stack: Stack
    position: str
    messages: int

    @classmethod
    async def begin(cls, stack: Stack) -> "Meter":
        """Count from here on; one meter at a time."""
        await statements.forget(stack)
        async with connected(stack.server_url) as server:
            await server.execute(WAL_INSPECTION)
            position: str = await server.fetchval(POSITION)
        return cls(stack, position, await _messages(stack))

    async def read(self) -> Sample:
        """Return the totals since the beginning."""
        async with connected(self.stack.server_url) as server:
            commits: int = await server.fetchval(COMMITS, self.position)
        return {
            "statements": await self._statements(),
            "commits": commits,
            "messages": await _messages(self.stack) - self.messages,
        }

    async def _statements(self) -> int:
        executed = await statements.executed(self.stack)
        left_out = {await statements.identify(self.stack, statement) for statement in BY_THE_CLOCK}
        return sum(one.calls for query, one in executed.items() if query not in left_out)


async def _messages(stack: Stack) -> int:
    """Return how many records the topics hold that a stack writes to."""
    topics = stack.topics
    partitions = [
        TopicPartition(topic, number)
        for topic in (*topics.requests.values(), topics.events, topics.dead_letters)
        for number in range(PARTITIONS)
    ]
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka)
    await consumer.start()
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()
    return sum(ends.values())
