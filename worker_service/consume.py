"""Take dispatch messages from Kafka: claim what they name, commit once their fate is durable.

The poll loop never waits for a generation. It waits for a free slot, for PostgreSQL and for
Kafka, and ticks all the while, so that a watchdog can tell waiting from being stuck.
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import TypeAlias
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from shared.database import Database
from shared.errors import DatabaseUnavailable
from shared.logging import get_log
from worker_service.claim import Claims
from worker_service.dead_letter import Poison, Reason, set_aside
from worker_service.in_flight import InFlight
from worker_service.message import poison, read
from worker_service.offsets import Offsets

log = get_log()

BATCH_MESSAGES = 50
_IDLE_MILLISECONDS = 1000
_SLOT_SECONDS = 1.0
_AGAIN_SECONDS = 0.5
_COMMIT_SECONDS = 5.0
_REVOKE_SECONDS = 3.0
_START_SECONDS = 15.0

Message: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"


class Consumption(ConsumerRebalanceListener):  # type: ignore[misc]
    """The consumer of one process, one assignment after the other."""

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        group_id: str,
        topics: Collection[str],
        database: Database,
        claims: Claims,
        in_flight: InFlight,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._group_id = group_id
        self._topics = list(topics)
        self._database = database
        self._claims = claims
        self._in_flight = in_flight
        self._offsets = Offsets()
        self._consumer: AIOKafkaConsumer | None = None
        self._last_served: TopicPartition | None = None
        self._rejoining_since: float | None = None
        self.ticked_at = time.monotonic()

    async def run(self) -> None:
        """Consume until cancelled; what is not committed then is delivered to somebody again."""
        consumer = await self._started()
        self._consumer = consumer
        consumer.subscribe(self._topics, listener=self)
        while True:
            self._tick()
            slots = await self._in_flight.message_slots(_SLOT_SECONDS)
            if not slots:
                continue
            limit = min(slots, BATCH_MESSAGES)
            with self._in_flight.held(limit):
                await self._take(consumer, limit)

    async def stop(self) -> None:
        """Commit what is handled and leave the group; bounded, whatever state Kafka is in."""
        if self._consumer is None:
            return
        await self.commit()
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self._consumer.stop()

    async def _started(self) -> AIOKafkaConsumer:
        while True:
            self._tick()
            consumer = self._new_consumer()
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await consumer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("pass_failed", loop="consumer_start", reason=str(error))
                with suppress(KafkaError, TimeoutError):
                    async with asyncio.timeout(_COMMIT_SECONDS):
                        await consumer.stop()
            else:
                return consumer
            await asyncio.sleep(_AGAIN_SECONDS)

    def _new_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            group_id=self._group_id,
            client_id="worker_service",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=30_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=15_000,
            max_poll_interval_ms=86_400_000,  # the watchdog judges the poll loop instead
            max_partition_fetch_bytes=65_536,
            metadata_max_age_ms=60_000,
            request_timeout_ms=10_000,
        )

    def _tick(self) -> None:
        self.ticked_at = time.monotonic()

    async def _take(self, consumer: AIOKafkaConsumer, limit: int) -> None:
        """Fetch a batch of one partition and make the fate of each of its messages durable."""
        assignment = self._offsets.assignment
        messages = await self._fetch(consumer, limit)
        if not messages or assignment != self._offsets.assignment:
            return  # what came before a rebalance is fetched again after it
        await self._decide(messages)
        for message in messages:
            self._offsets.handled(
                (message.topic, message.partition), message.offset, assignment=assignment
            )

    async def _fetch(self, consumer: AIOKafkaConsumer, limit: int) -> list[Message]:
        """Fetch from one partition at a time, in rotation.

        One call over all partitions would empty one of them before it looked at the next, so that
        happens only when a whole rotation found nothing, for one message.
        """
        for partition in self._rotation(consumer.assignment()):
            messages = await self._fetch_partition(consumer, partition, limit)
            if messages:
                self._last_served = partition
                return messages
        fetched = await self._getmany(consumer, timeout_ms=_IDLE_MILLISECONDS, max_records=1)
        return [message for messages in (fetched or {}).values() for message in messages]

    def _rotation(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        ordered = sorted(partitions)
        after = [p for p in ordered if self._last_served is not None and p > self._last_served]
        return [*after, *(p for p in ordered if p not in after)]

    async def _fetch_partition(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, limit: int
    ) -> list[Message]:
        for max_records in (limit, 1):
            fetched = await self._getmany(consumer, partition, max_records=max_records)
            if fetched is not None:
                return fetched.get(partition, [])
        await self._skip_undecodable(consumer, partition)
        return []

    async def _getmany(
        self,
        consumer: AIOKafkaConsumer,
        *partitions: TopicPartition,
        max_records: int,
        timeout_ms: int = 0,
    ) -> dict[TopicPartition, list[Message]] | None:
        """Fetch what is there; None where aiokafka itself cannot decode a record."""
        try:
            fetched: dict[TopicPartition, list[Message]] = await consumer.getmany(
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
        except CorruptRecordException:
            return None
        except KafkaError as error:
            log.debug("pass_failed", loop="poll", reason=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)
            return {}
        except (ValueError, TypeError, LookupError, RuntimeError) as error:
            log.debug("pass_failed", loop="poll", reason=str(error))
            return None
        return fetched

    async def _skip_undecodable(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition
    ) -> None:
        """Set a record aside by its coordinates and go on behind it."""
        try:
            offset = await consumer.position(partition)
        except (IllegalStateError, KafkaError):
            return
        letter = Poison(
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            reason=Reason.UNDECODABLE,
            error="the Kafka client cannot decode the record",
        )
        await self._until_durable([], [letter])
        with suppress(IllegalStateError, KafkaError):
            consumer.seek(partition, offset + 1)

    async def _decide(self, messages: list[Message]) -> None:
        named: dict[UUID, list[Message]] = {}
        letters: list[Poison] = []
        for message in messages:
            match read(message):
                case Poison() as letter:
                    letters.append(letter)
                case request_id:
                    named.setdefault(request_id, []).append(message)
        unknown = await self._until_durable(named, letters)
        await self._until_durable(
            [],
            [
                poison(
                    message,
                    reason=Reason.UNKNOWN_REQUEST,
                    error=f"there is no generation request {request_id}",
                )
                for request_id in unknown
                for message in named[request_id]
            ],
        )

    async def _until_durable(
        self, request_ids: Collection[UUID], letters: Collection[Poison]
    ) -> set[UUID]:
        """Claim and set aside, again and again while PostgreSQL does not answer."""
        while True:
            self._tick()
            try:
                for letter in letters:
                    await set_aside(self._database, letter)
                return await self._claims.claim(request_ids)
            except DatabaseUnavailable:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def commit(self, within: float = _COMMIT_SECONDS) -> None:
        """Commit the offsets that have moved; a failure is made good by a later commit."""
        due, assignment = self._offsets.due(), self._offsets.assignment
        if not due or self._consumer is None:
            return
        try:
            async with asyncio.timeout(within):
                await self._consumer.commit(
                    {TopicPartition(*tp): OffsetAndMetadata(at, "") for tp, at in due.items()}
                )
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            log.debug("pass_failed", loop="offsets_commit", reason=str(error))
            return
        self._offsets.committed(due, assignment=assignment)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Commit and return: whatever is being worked on has its lease in PostgreSQL."""
        if revoked:
            await self.commit(_REVOKE_SECONDS)
            log.info("partitions_revoked", count=len(revoked))
        self._offsets.reassigned()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Note the assignment; its messages may have arrived already."""
        log.info("partitions_assigned", count=len(assigned))

    def rejoining_seconds(self) -> float:
        """Tell for how long the group has owed this consumer an assignment.

        aiokafka has no public signal for it (its issues 625, 847 and 1154).
        """
        coordinator = getattr(self._consumer, "_coordinator", None)
        subscription = getattr(self._consumer, "_subscription", None)
        if coordinator is None or subscription is None:
            return 0.0
        if not coordinator.need_rejoin(subscription.subscription):
            self._rejoining_since = None
            return 0.0
        self._rejoining_since = self._rejoining_since or time.monotonic()
        return time.monotonic() - self._rejoining_since
