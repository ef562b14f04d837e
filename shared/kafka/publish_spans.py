"""The spans of a publication: one for each record, in the trace that its headers name.

They are no parents of what consumes the record, so by the conventions their kind is that of a
client: a header goes on as it was accepted, whichever relay publishes it and however often.
"""

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from shared.kafka.records import (
    Acknowledged,
    DeliveryResult,
    Denied,
    NotDelivered,
    Record,
    Refused,
    TopicMissing,
    traceparent_in,
)
from shared.tracing import Share, Tracer
from shared.tracing.conventions import (
    MESSAGING_DESTINATION_NAME,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
    REQUEST_ID,
)

_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def note_publication(
    tracer: Tracer, records: Iterable[Record], results: Iterable[DeliveryResult], *, begun_ns: int
) -> None:
    """Make the spans of records that have just been published, or not."""
    if shares := [*_shares(records, results)]:
        tracer.note("publish", shares, begun_ns=begun_ns, kind="client")


def _shares(records: Iterable[Record], results: Iterable[DeliveryResult]) -> Iterator[Share]:
    for record, result in zip(records, results, strict=True):
        if (traceparent := traceparent_in(record.headers)) is not None:
            yield Share(
                name=f"publish {record.topic}",
                traceparent=traceparent,
                attributes={
                    MESSAGING_SYSTEM: "kafka",
                    MESSAGING_OPERATION_NAME: "publish",
                    MESSAGING_OPERATION_TYPE: "send",
                    MESSAGING_DESTINATION_NAME: record.topic,
                    REQUEST_ID: _request_id(record.key),
                },
                error=_error_of(result),
            )


def _request_id(key: bytes | None) -> str | None:
    """Read the key; that of a poison record may hold anything: only a UUID is shown."""
    return key.decode() if key is not None and _UUID.fullmatch(key) else None


def _error_of(result: DeliveryResult) -> str | None:
    match result:
        case Acknowledged():
            return None
        case Refused():
            return "refused"
        case TopicMissing():
            return "topic_missing"
        case Denied():
            return "denied"
        case NotDelivered():
            return "not_delivered"
        case _:
            assert_never(result)
