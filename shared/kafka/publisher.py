"""The producer that both services publish with; it starts, stops and fails without hanging."""

import asyncio
import random
import time
from collections.abc import Collection
from contextlib import suppress
from zlib import crc32

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from shared.kafka.clients import KafkaClients
from shared.kafka.delivery import REQUEST_SECONDS, deliver
from shared.kafka.denials import Denial, Denials
from shared.kafka.obstacles import Obstacle
from shared.kafka.publish_spans import note_publication
from shared.kafka.records import DeliveryResult, Denied, NotDelivered, Record
from shared.kafka.starting import ClientStart
from shared.kafka.topics import DEAD_LETTER_MESSAGE_BYTES
from shared.runtime.logging import get_log
from shared.tracing import Tracer

log = get_log()

_PING_SECONDS = 2.0
_PING_EVERY_SECONDS = 1.0
_PARTITION_BYTES = 262_144
"""What waits for one partition: all the dispatches of a relay's batch, so that none waits here."""


class Publisher:
    """Publish records while a broker can be reached, and know whether one can.

    `watch` keeps the connection: it starts the client when a broker first answers and pings it
    every second, so that an outage costs one small request a second and two log lines. The ping
    looks for `topics` too: `missing_topics` are those that the brokers do not have.
    """

    def __init__(
        self,
        clients: KafkaClients,
        topics: Collection[str] = (),
        *,
        tracer: Tracer | None = None,
    ) -> None:
        self.clients = clients
        self._tracer = tracer
        self._topics = topics
        self._denials = Denials()
        self.missing_topics: frozenset[str] = frozenset()
        self._start = ClientStart(self._new_producer, clients=clients)
        self._producer: AIOKafkaProducer | None = None
        self.reachable = False

    async def watch(self) -> None:
        """Update `reachable` about every second until cancelled."""
        told: set[type[BaseException] | None] = set()
        while True:
            reachable = await self._ping()
            if reachable and not self.reachable:
                log.info("kafka_reached")
                told.clear()
            self.reachable = reachable
            if not reachable:
                await self._tell_obstacle(told)
            await asyncio.sleep(_PING_EVERY_SECONDS)

    async def _tell_obstacle(self, told: set[type[BaseException] | None]) -> None:
        """Log an outage once, and once more each kind of refusal, which waits for a person."""
        if self._producer is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PING_SECONDS):
                    await self._start.look()
        elif self._start.obstacle is None:
            return  # the first broker is being asked: its answer says more than the wait
        obstacle = self._start.obstacle or Obstacle("no answer in time")
        if not told or (obstacle.refusal and obstacle.refusal not in told):
            log.warning("kafka_lost", reason=obstacle.reason)
        told.add(obstacle.refusal)

    async def _ping(self) -> bool:
        if self._producer is None:
            self._producer = await self._start.started(_PING_SECONDS)
            return self._producer is not None
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_PING_SECONDS):
                return await self._look_at(self._producer.client)
        return False

    async def _look_at(self, client: AIOKafkaClient) -> bool:
        """Ask for the metadata of the topics that are needed, and note which are missing."""
        for topic in self._topics:
            await client.add_topic(topic)
        if not await client.force_metadata_update():
            return False
        missing = (t for t in self._topics if client.cluster.partitions_for_topic(t) is None)
        self.missing_topics = frozenset(missing)
        denied = self.missing_topics & client.cluster.unauthorized_topics
        self._denials.note(Denial("Describe", "topic", topic) for topic in sorted(denied))
        return True

    def _new_producer(self, broker: str) -> AIOKafkaProducer:
        """Make the client, which learns of the other brokers from this one.

        Not idempotent on purpose: an outage hangs an idempotent producer and its `stop`
        (aiokafka issues 1101 and 1017), and every consumer expects duplicates anyway.
        """
        return self.clients.producer(
            broker,
            acks="all",
            enable_idempotence=False,
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            retry_backoff_ms=200,
            max_batch_size=_PARTITION_BYTES,
            partitioner=partition_of,
            max_request_size=DEAD_LETTER_MESSAGE_BYTES,
        )

    async def publish(self, records: list[Record]) -> list[DeliveryResult]:
        """Publish the records side by side and say what became of each, in their order."""
        producer = self._producer
        if producer is None or not self.reachable:
            return [NotDelivered() for _ in records]
        begun_ns = time.time_ns()
        results = await deliver(producer, records)
        if self._tracer is not None:
            note_publication(self._tracer, records, results, begun_ns=begun_ns)
        denied = {result.topic for result in results if isinstance(result, Denied)}
        self._denials.note(Denial("Write", "topic", topic) for topic in sorted(denied))
        return results

    async def stop(self) -> None:
        """Leave the brokers, or end the start; bounded, whatever state they are in."""
        await self._start.stop()
        self._producer, self.reachable = None, False


def partition_of(key: bytes | None, partitions: list[int], available: list[int]) -> int:
    """Choose as librdkafka does: aiokafka's own choice takes as long as the rest of a send."""
    if key is None:
        return random.choice(available or partitions)
    return sorted(partitions)[crc32(key) % len(partitions)]
