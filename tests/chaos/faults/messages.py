"""What happens to the messages: poison, copies, disorder, everything once more."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from tests.chaos.environment import Environment
from tests.support import poison
from tests.support.redelivery import deliver_twice_more, rewind
from tests.support.waiting import eventually

_EMPTY_WITHIN_SECONDS = 30.0
_LARGE_BYTES = 900_000


def _unknown() -> bytes:
    return json.dumps({"schema_version": 1, "generation_request_id": str(uuid4())}).encode()


UNREADABLE: Sequence[Callable[[], bytes]] = (
    lambda: b"",
    lambda: b"not json",
    lambda: b"\xff\xfe\x00",
    lambda: b"[]",
    lambda: b'{"schema_version": 1}',
    lambda: b'{"schema_version": 99, "generation_request_id": "x"}',
    lambda: b'{"schema_version": 1, "generation_request_id": "' + b"\\u0000" * 8 + b'"}',
    lambda: b"[" * 10_000,
    lambda: b"x" * _LARGE_BYTES,
    _unknown,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonFlood:
    """Records of every kind that no worker can handle, between the good ones."""

    seed: float
    rounds: int
    name: str = "poison flood"

    async def inject(self, environment: Environment) -> bool:
        draw = Random(self.seed)
        async with _producer(environment) as producer:
            for _ in range(self.rounds):
                for make in UNREADABLE:
                    topic = draw.choice([*environment.stack.topics.requests.values()])
                    headers = [("trace", b"\x00\xff")]
                    sent = await producer.send_and_wait(topic, make(), headers=headers)
                    environment.poison.add((sent.topic, sent.partition, sent.offset))
                topic = draw.choice([*environment.stack.topics.requests.values()])
                offset = await poison.send_without_content(producer, topic, headers=[("k", None)])
                environment.poison.add((topic, 0, offset))
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """Records on which the Kafka client itself raises, between the good ones."""

    seed: float
    count: int
    name: str = "undecodable records"

    async def inject(self, environment: Environment) -> bool:
        draw = Random(self.seed)
        senders = (poison.send_undecodable_header, poison.send_broken_gzip)
        async with _producer(environment) as producer:
            for _ in range(self.count):
                topic = draw.choice([*environment.stack.topics.requests.values()])
                send, partition = draw.choice(senders), draw.randrange(3)
                offset = await send(producer, topic, partition=partition)
                environment.poison.add((topic, partition, offset))
                await asyncio.sleep(draw.uniform(0, 0.5))
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubled:
    """Every message so far comes twice more, out of order."""

    seed: float
    name: str = "doubled, out of order"

    async def inject(self, environment: Environment) -> bool:
        return await deliver_twice_more(environment.stack, Random(self.seed)) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound:
    """The workers leave, and find their group at the beginning of every topic."""

    name: str = "rewound"

    async def inject(self, environment: Environment) -> bool:
        with ExitStack() as held:
            for place in environment.workers:
                held.enter_context(place.held_down())
            since = time.time()
            for place in environment.workers:
                place.send(signal.SIGTERM)
            for place in environment.workers:
                await place.service.exit_status(within=_EMPTY_WITHIN_SECONDS)
            environment.expose(environment.workers, since=since)
            with environment.watch.blindfolded():
                await eventually(lambda: rewind(environment.stack), within=_EMPTY_WITHIN_SECONDS)
        return True


@asynccontextmanager
async def _producer(environment: Environment) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=environment.stack.kafka, acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def _flood(draw: Random) -> PoisonFlood:
    return PoisonFlood(seed=draw.random(), rounds=draw.randint(1, 4))


def _undecodable(draw: Random) -> Undecodable:
    return Undecodable(seed=draw.random(), count=draw.randint(2, 6))


def _doubled(draw: Random) -> Doubled:
    return Doubled(seed=draw.random())


def _rewound(_: Random) -> Rewound:
    return Rewound()


FAULTS: Sequence[Callable[[Random], PoisonFlood | Undecodable | Doubled | Rewound]] = (
    _flood,
    _undecodable,
    _doubled,
    _rewound,
)
