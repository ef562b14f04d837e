"""Say what the access control lists of Kafka withhold: one line for each thing, now and then."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition

from shared.runtime.logging import get_log

log = get_log()

_AGAIN_SECONDS = 300.0

Operation = Literal["Describe", "Read", "Write"]
Resource = Literal["topic", "group"]


@dataclass(frozen=True, slots=True)
class Denial:
    """An operation that the client's user may not do."""

    operation: Operation
    resource: Resource
    name: str


@dataclass(slots=True)
class Denials:
    """Logs what is denied, and again every five minutes while it is."""

    _logged: dict[Denial, float] = field(default_factory=dict)

    def note(self, denials: Iterable[Denial]) -> None:
        """Log those that were not logged lately."""
        now = time.monotonic()
        for denial in denials:
            if now - self._logged.get(denial, -_AGAIN_SECONDS) >= _AGAIN_SECONDS:
                self._logged[denial] = now
                log.error(
                    "kafka_denied",
                    operation=denial.operation,
                    resource=denial.resource,
                    name=denial.name,
                    remedy="allow it to the user of the service: see Access in docs/operations.md",
                )


def denials_of_reading(error: KafkaError) -> list[Denial]:
    """Read from an error of a consumer what is denied; nothing where it says something else."""
    match error, error.args:
        case GroupAuthorizationFailedError(), [group]:
            return [Denial("Read", "group", str(group))]
        case TopicAuthorizationFailedError(), [TopicPartition(topic=topic)]:
            return [Denial("Read", "topic", topic)]
        case TopicAuthorizationFailedError(), [set() | frozenset() | list() as topics]:
            return [Denial("Read", "topic", str(topic)) for topic in sorted(topics)]
        case TopicAuthorizationFailedError(), [topic]:
            return [Denial("Read", "topic", str(topic))]
        case _:
            return []
