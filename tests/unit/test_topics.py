"""The names of the topics."""

from schemas.states import Priority
from shared.kafka.topics import DEAD_LETTER_MESSAGE_BYTES, WORK_MESSAGE_BYTES, Topics


def test_each_priority_has_its_topic():
    assert Topics.with_prefix("").requests == {
        Priority.HIGH: "generation-requests.high",
        Priority.NORMAL: "generation-requests.normal",
        Priority.LOW: "generation-requests.low",
    }


def test_letters_and_events_have_theirs():
    topics = Topics.with_prefix("")

    assert (topics.dead_letters, topics.events) == (
        "generation-requests.dlq",
        "generation-events",
    )


def test_the_prefix_stands_before_every_name():
    plain, prefixed = Topics.with_prefix(""), Topics.with_prefix("staging.")

    assert prefixed.requests == {p: f"staging.{name}" for p, name in plain.requests.items()}
    assert prefixed.dead_letters == f"staging.{plain.dead_letters}"
    assert prefixed.events == f"staging.{plain.events}"


def test_a_letter_may_be_a_mebibyte_larger_than_what_it_keeps():
    assert DEAD_LETTER_MESSAGE_BYTES == WORK_MESSAGE_BYTES + 2**20
