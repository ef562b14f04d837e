"""What Kafka's access control lists withhold is said once for each thing."""

import time
from types import SimpleNamespace

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    NotLeaderForPartitionError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from shared.kafka.denials import Denial, Denials, denials_of_reading


@pytest.mark.parametrize(
    ("error", "denied"),
    [
        (GroupAuthorizationFailedError("workers"), [("group", "workers")]),
        (TopicAuthorizationFailedError("high"), [("topic", "high")]),
        (TopicAuthorizationFailedError({"low", "high"}), [("topic", "high"), ("topic", "low")]),
        (TopicAuthorizationFailedError(TopicPartition("high", 1)), [("topic", "high")]),
        (NotLeaderForPartitionError(), []),
    ],
)
def test_an_error_of_a_consumer_says_what_it_may_not_read(
    error: KafkaError, denied: list[tuple[str, str]]
):
    found = denials_of_reading(error)

    assert [(denial.resource, denial.name) for denial in found] == denied
    assert {denial.operation for denial in found} <= {"Read"}


def test_a_denial_is_said_once_and_again_after_five_minutes(monkeypatch: pytest.MonkeyPatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    denials = Denials()
    said = []

    for clock.now in (0.0, 1.0, 299.0, 300.0):
        with capture_logs() as logs:
            denials.note([Denial("Read", "group", "workers"), Denial("Write", "topic", "events")])
        said.append([line["name"] for line in logs])

    assert said == [["workers", "events"], [], [], ["workers", "events"]]
