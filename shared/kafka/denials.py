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
    names = error.args[0] if error.args else "unknown"
    match error:
        case GroupAuthorizationFailedError():
            return [Denial("Read", "group", str(names))]
        case TopicAuthorizationFailedError():
            several = isinstance(names, set | frozenset | list | tuple)
            return [Denial("Read", "topic", str(n)) for n in (names if several else [names])]
        case _:
            return []
