"""The names that a worker writes to Kafka under."""

from dataclasses import dataclass

from shared.kafka.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaNames:
    """The topics of the stack, and the consumer group whose worker writes."""

    topics: Topics
    group_id: str
