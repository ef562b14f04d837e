"""Take dispatch messages from Kafka: claim what they name, commit once their fate is durable.

The poll loop never waits for a generation. It waits for a free slot, for PostgreSQL and for
Kafka, and ticks all the while, so that a watchdog can tell waiting from being stuck.
"""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from schemas.states import Priority
from shared.kafka.clients import KafkaClients
from shared.kafka.starting import ClientStart
from shared.runtime.logging import get_log
from worker_service.claims.slots import Slots
from worker_service.intake.dispatches import Dispatches
from worker_service.intake.fetch import Message, Poll, Undecodable
from worker_service.intake.lag import show_lag
from worker_service.intake.liveness import Liveness
from worker_service.intake.offsets import Offsets
from worker_service.kafka_names import KafkaNames

log = get_log()

BATCH_MESSAGES = 200
_SLOT_SECONDS = 1.0
_LEFT_OUT_SECONDS = 0.1
_COMMIT_SECONDS = 5.0
_REVOKE_SECONDS = 3.0
_START_SECONDS = 1.0


class Consumption(ConsumerRebalanceListener):  # type: ignore[misc]
    """The consumer of one process, one assignment after the other."""

    def __init__(
        self,
        *,
        clients: KafkaClients,
        kafka_names: KafkaNames,
        dispatches: Dispatches,
        slots: Slots,
        liveness: Liveness,
    ) -> None:
        self._kafka_names = kafka_names
        priorities = kafka_names.topics.requests
        self._priority_of = {topic: priority for priority, topic in priorities.items()}
        self._dispatches = dispatches
        self._slots = slots
        self._liveness = liveness
        self._offsets = Offsets()
        self._clients = clients
        self._start = ClientStart(self._new_consumer, clients=clients)
        self._consumer: AIOKafkaConsumer | None = None

    async def run(self) -> None:
        """Consume until cancelled; what is not committed then is delivered again."""
        consumer = await self._started()
        self._consumer = consumer
        consumer.subscribe([*self._priority_of], listener=self)
        poll = Poll(consumer, self._priority_of)
        while True:
            await self._any_slot()
            limits = self._limits()
            match await poll.next_batch(limits):
                case Undecodable() as undecodable:
                    await self._step_over(undecodable)
                case []:
                    if len(limits) < len(Priority):
                        await self._slots.changed(_LEFT_OUT_SECONDS)
                case messages:
                    await self._make_durable(self._with_slots(poll, messages))

    def _limits(self) -> dict[Priority, int]:
        """Bound the messages to take of each priority, leaving out those without a slot."""
        free = {priority: self._slots.free_for_messages(priority) for priority in Priority}
        return {
            priority: min(slots, BATCH_MESSAGES) for priority, slots in free.items() if slots > 0
        }

    def _with_slots(self, poll: Poll, messages: list[Message]) -> list[Message]:
        """Keep the messages that have a slot; the others go back, so that other priorities go on.

        `claim_any` may have filled slots since their number was asked for.
        """
        slots = self._slots.free_for_messages(self._priority_of[messages[0].topic])
        if len(messages) > slots:
            poll.put_back(messages[slots])
        return messages[:slots]

    async def _any_slot(self) -> None:
        """Wait until messages of some priority may fill a slot."""
        self._liveness.tick()
        while not await self._slots.message_slots(_SLOT_SECONDS, priority=Priority.HIGH):
            self._liveness.tick()

    async def stop(self) -> None:
        """Commit what is handled and leave the group; bounded, whatever state Kafka is in."""
        await self.commit()
        await self._start.stop()

    async def _started(self) -> AIOKafkaConsumer:
        consumer = None
        while consumer is None:
            self._liveness.tick()
            consumer = await self._start.started(_START_SECONDS)
        return consumer

    def _new_consumer(self, broker: str) -> AIOKafkaConsumer:
        return self._clients.consumer(
            broker,
            group_id=self._kafka_names.group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=10_000,
            max_poll_interval_ms=86_400_000,  # the watchdog judges the poll loop instead
            max_partition_fetch_bytes=65_536,
            fetch_max_wait_ms=100,  # a partition that was emptied waits for this fetch of others
            metadata_max_age_ms=5_000,  # how soon topics that are created late are found
            request_timeout_ms=10_000,
        )

    async def _step_over(self, undecodable: Undecodable) -> None:
        assignment = self._offsets.assignment
        await self._dispatches.dead_letter(undecodable)
        self._offsets.handled(undecodable.partition, undecodable.offset, assignment=assignment)

    async def _make_durable(self, messages: list[Message]) -> None:
        """Make the fate of each message of a partition durable.

        A fetch returns what belongs to the assignment that is current when it returns, even if
        it began under another one.
        """
        if not messages:
            return
        # Read before the wait: a rebalance meanwhile makes these offsets worthless.
        assignment = self._offsets.assignment
        with self._slots.held(len(messages)):
            await self._dispatches.make_durable(messages)
        last = messages[-1]
        self._offsets.handled((last.topic, last.partition), last.offset, assignment=assignment)

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
            log.debug("loop_iteration_failed", loop="offsets_commit", reason=str(error))
            return
        self._offsets.committed(due, assignment=assignment)

    async def measure_lag(self) -> None:
        """Show how many messages of the current partitions are not handled."""
        if self._consumer is not None:
            await show_lag(self._consumer, self._offsets)

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
        """Measure for how long the group has owed this consumer an assignment."""
        return self._liveness.rejoining_seconds(self._consumer)
