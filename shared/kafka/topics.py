"""The topics of the service, and the command that creates them: `python -m shared.kafka.topics`."""

from shared.runtime.termination import leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals()

import asyncio
import sys
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code
from pydantic import Field

from schemas.states import Priority
from shared.config import KafkaSettings, load
from shared.kafka.clients import KafkaClients
from shared.kafka.obstacles import Obstacle
from shared.kafka.starting import answering_broker
from shared.kafka.timestamps import TIMES_OF_THE_BROKER, take_times_of_broker
from shared.runtime.arguments import take_no_arguments

_TOPIC_ALREADY_EXISTS = 36
_LEADER_SECONDS = 30.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The full names of the topics, prefix included."""

    requests: dict[Priority, str]
    dead_letters: str
    events: str

    @property
    def names(self) -> tuple[str, ...]:
        """List them all."""
        return (*self.requests.values(), self.dead_letters, self.events)

    @classmethod
    def with_prefix(cls, prefix: str) -> "Topics":
        """Name the topics of the stack that uses `prefix`."""
        return cls(
            requests={p: f"{prefix}generation-requests.{p}" for p in Priority},
            dead_letters=f"{prefix}generation-requests.dlq",
            events=f"{prefix}generation-events",
        )


class TopicsRefused(Exception):
    """The topics could not be created; the message says why in one line."""


WORK_MESSAGE_BYTES = 1_048_588
"""Kafka's own default for the largest record batch."""

DEAD_LETTER_MESSAGE_BYTES = WORK_MESSAGE_BYTES + 1_048_576


class TopicSettings(KafkaSettings):
    """What the command is told."""

    kafka_partitions: int = Field(
        6, ge=1, le=200, description="Partitions of each topic that is created."
    )
    kafka_replication_factor: int = Field(
        1, ge=1, le=7, description="Copies that the brokers keep of each topic that is created."
    )


async def create_topics(
    clients: KafkaClients, topics: Topics, *, partitions: int, replication_factor: int = 1
) -> list[str]:
    """Create the topics that are missing, and return when every one can be written to.

    Of topics that exist nothing changes but the time that their records carry. Returns a line for
    each of them that was altered, or is to be altered by hand.

    Raises:
        TopicsRefused: the brokers could not be reached or refused a topic.
    """
    broker = await answering_broker(clients)
    if isinstance(broker, Obstacle):
        raise TopicsRefused(f"Kafka cannot be reached: {broker}")
    admin = clients.admin(broker, request_timeout_ms=15_000)
    try:
        await admin.start()
        answer = await admin.create_topics(
            [
                NewTopic(
                    name,
                    num_partitions=partitions,
                    replication_factor=replication_factor,
                    topic_configs={"max.message.bytes": str(largest), **TIMES_OF_THE_BROKER},
                )
                for name, largest in _sizes(topics).items()
            ]
        )
        for name, code, *message in answer.topic_errors:
            if code not in (0, _TOPIC_ALREADY_EXISTS):
                raise TopicsRefused(f"topic {name}: {for_code(code).__name__} {message}")
        async with asyncio.timeout(_LEADER_SECONDS):
            await _wait_for_leaders(admin, set(_sizes(topics)))
        existing = [name for name, code, *_ in answer.topic_errors if code == _TOPIC_ALREADY_EXISTS]
        return await take_times_of_broker(admin, existing)
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicsRefused(f"Kafka at {broker} cannot be reached: {error}") from error
    finally:
        await admin.close()


async def _wait_for_leaders(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until every partition has a leader; a topic that was created need not have them yet."""
    while True:
        led = {
            topic["topic"]
            for topic in await admin.describe_topics()
            if all(partition["leader"] >= 0 for partition in topic["partitions"])
        }
        if names <= led:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _sizes(topics: Topics) -> dict[str, int]:
    return {
        **dict.fromkeys(topics.requests.values(), WORK_MESSAGE_BYTES),
        topics.events: WORK_MESSAGE_BYTES,
        topics.dead_letters: DEAD_LETTER_MESSAGE_BYTES,
    }


def main() -> None:
    """Create the topics that the environment asks for."""
    take_no_arguments("shared.kafka.topics", __doc__)
    settings = load(TopicSettings)
    creation = create_topics(
        KafkaClients.of(settings, client_id="topics"),
        Topics.with_prefix(settings.kafka_topic_prefix),
        partitions=settings.kafka_partitions,
        replication_factor=settings.kafka_replication_factor,
    )
    try:
        for line in asyncio.run(creation):
            print(line, file=sys.stderr)  # noqa: T201 - a command tells its caller
    except TopicsRefused as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
