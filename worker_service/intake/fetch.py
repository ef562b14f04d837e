"""Fetch messages fairly: one partition at a time, in rotation, past what aiokafka cannot decode.

One `getmany` over all partitions would empty one of them before it looked at the next, so that
happens only when a whole rotation found nothing, for one message.

A record that aiokafka cannot decode raises, takes the records fetched before it along, and is
fetched again for ever. Its partition is therefore read one record at a time until the exception
comes at the position itself: there the record is.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    UnsupportedCodecError,
)

from schemas.states import Priority
from shared.kafka.denials import Denials, denials_of_reading
from shared.runtime.logging import get_log
from worker_service.claims.scheduler import PriorityScheduler

log = get_log()

_IDLE_MILLISECONDS = 1000
_AGAIN_SECONDS = 0.5
_REFETCH_SECONDS = 0.1
_ROTATIONS_AFTER_DECODE_ERROR = 5

Message: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"


@dataclass(frozen=True, slots=True)
class Undecodable:
    """The record at `offset` raises `error` inside the client; the next fetch is behind it."""

    partition: TopicPartition
    offset: int
    error: str


@dataclass(frozen=True, slots=True)
class _Raised:
    error: str


class Poll:
    """The fetching half of a consumer."""

    def __init__(self, consumer: AIOKafkaConsumer, priority_of: Mapping[str, Priority]) -> None:
        self._consumer = consumer
        self._priority_of = priority_of
        self._scheduler = PriorityScheduler()
        self._last_served: dict[Priority, TopicPartition] = {}
        self._single_record: set[TopicPartition] = set()
        self._rotations_after_error = 0
        self._denials = Denials()

    async def next_batch(self, limits: Mapping[Priority, int]) -> list[Message] | Undecodable:
        """Fetch messages of one partition, up to its priority's limit.

        Priorities that have records are served by their weights; those without a limit are skipped.
        Waits up to a second for the first message, but only if no priority is left out.
        """
        for priority in self._scheduler.in_turn(limits):
            fetched = await self._fetch_priority(priority, limits[priority])
            if fetched:
                taken = len(fetched) if isinstance(fetched, list) else 1
                self._scheduler.served(priority, taken=taken)
                return fetched
        return await self._idle() if len(limits) == len(Priority) else []

    def put_back(self, message: Message) -> None:
        """Fetch this message and those behind it again; to be called before anything is awaited."""
        partition = TopicPartition(message.topic, message.partition)
        self._consumer.seek(partition, message.offset)

    async def _fetch_priority(self, priority: Priority, limit: int) -> list[Message] | Undecodable:
        for partition in self._rotation(priority):
            fetched = await self._fetch(partition, limit)
            if fetched:
                self._last_served[priority] = partition
                return fetched
        return []

    def _rotation(self, priority: Priority) -> list[TopicPartition]:
        assigned = self._consumer.assignment()
        ordered = sorted(p for p in assigned if self._priority_of[p.topic] is priority)
        last = self._last_served.get(priority)
        return [p for p in ordered if last is None or p > last] + [
            p for p in ordered if last is not None and p <= last
        ]

    async def _fetch(self, partition: TopicPartition, limit: int) -> list[Message] | Undecodable:
        max_records = 1 if partition in self._single_record else limit
        fetched = await self._getmany(partition, max_records=max_records)
        if not isinstance(fetched, _Raised):
            return fetched
        self._single_record.add(partition)
        self._rotations_after_error = _ROTATIONS_AFTER_DECODE_ERROR
        return await self._step_over(partition, fetched.error) if max_records == 1 else []

    async def _step_over(
        self, partition: TopicPartition, error: str
    ) -> list[Message] | Undecodable:
        try:
            offset = await self._consumer.position(partition)
            self._consumer.seek(partition, offset + 1)
        except (IllegalStateError, KafkaError):
            return []  # the partition was just taken away
        self._single_record.discard(partition)
        return Undecodable(partition, offset, error)

    async def _idle(self) -> list[Message]:
        """Wait for any message; after a decode error only briefly, to poll one by one."""
        if self._rotations_after_error:
            self._rotations_after_error -= 1
            await asyncio.sleep(_REFETCH_SECONDS)
            return []
        fetched = await self._getmany(max_records=1, timeout_ms=_IDLE_MILLISECONDS)
        if isinstance(fetched, _Raised):
            self._rotations_after_error = _ROTATIONS_AFTER_DECODE_ERROR
            return []
        return fetched

    async def _getmany(
        self, *partitions: TopicPartition, max_records: int, timeout_ms: int = 0
    ) -> list[Message] | _Raised:
        try:
            fetched: dict[TopicPartition, list[Message]] = await self._consumer.getmany(
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
        except ConsumerStoppedError:
            raise
        except KafkaError as error:
            if isinstance(error, CorruptRecordException | UnsupportedCodecError):
                return _Raised(str(error))
            self._denials.note(denials_of_reading(error))
            log.debug("loop_iteration_failed", loop="poll", reason=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)
            return []
        except Exception as error:  # noqa: BLE001 - a codec may raise whatever it likes
            return _Raised(f"{type(error).__name__}: {error}")
        return [message for messages in fetched.values() for message in messages]
