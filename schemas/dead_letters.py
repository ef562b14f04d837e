"""Dead letters as others see them: on their topic, and over HTTP."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.codes import ErrorCode
from schemas.json_schema import Known


class Reason(StrEnum):
    """Why there is a dead letter. Expect values to be added; none is ever renamed."""

    UNREADABLE = "unreadable"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_REQUEST = "unknown_request"
    UNDECODABLE = "undecodable"
    ITEMS_FAILED = "items_failed"
    UNEXPECTED = "unexpected"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    CRASH_LOOP = "crash_loop"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    UNKNOWN_ENTITY_TYPE = "unknown_entity_type"
    UNKNOWN_PROVIDER = "unknown_provider"


ABOUT_RECORDS = frozenset(
    {
        Reason.UNREADABLE,
        Reason.UNSUPPORTED_VERSION,
        Reason.UNKNOWN_REQUEST,
        Reason.UNDECODABLE,
    }
)
"""Reasons of dead letters about a record; the others are about a request."""


class Header(StrEnum):
    """The headers that a dead letter's record has beside its own.

    The first six are those of KIP-1191:
    https://cwiki.apache.org/confluence/display/KAFKA/KIP-1191
    """

    TOPIC = "__dlq.errors.topic"
    PARTITION = "__dlq.errors.partition"
    OFFSET = "__dlq.errors.offset"
    GROUP = "__dlq.errors.group"
    MESSAGE = "__dlq.errors.message"
    DELIVERY_COUNT = "__dlq.errors.delivery.count"
    ID = "dlq.id"
    REASON = "dlq.reason"
    ATTEMPTS = "dlq.attempts"
    FIRST_FAILED_AT = "dlq.first-failed-at"
    REPLAY_COUNT = "dlq.replay-count"


ReasonShown = Annotated[Reason, Known(Reason, "Why there is a dead letter.")]


class DeadLetterReference(BaseModel):
    """The dead letter of a request."""

    id: UUID
    reason: ReasonShown


class LetterUrls(BaseModel):
    """Where to go from here."""

    self: str
    request: str | None


_SUMMARY: dict[str, Any] = {
    "id": "019aa3f1-0b7e-7d12-a6c4-51f2b7a0c9d3",
    "reason": "items_failed",
    "error_code": "refused",
    "error_message": "1 of 3 items failed: the answer was withheld by a content filter",
    "request_id": "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10",
    "round": 1,
    "failed_ordinals": [2],
    "attempts": 1,
    "topic": "generation-requests.normal",
    "partition": None,
    "offset": None,
    "consumer_group": "generation-worker",
    "delivery_count": 1,
    "replay_count": 0,
    "first_failed_at": "2026-11-21T10:31:02.410000Z",
    "created_at": "2026-11-21T10:31:04.120000Z",
    "urls": {
        "self": "/dead-letters/019aa3f1-0b7e-7d12-a6c4-51f2b7a0c9d3",
        "request": "/generation-requests/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10",
    },
}


class DeadLetterSummary(BaseModel):
    """A dead letter: about a request that settled without all its entities, or about a record."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})

    id: UUID
    reason: ReasonShown
    error_code: Annotated[str, Known(ErrorCode, "Of the request.")] | None = Field(
        description="The request's; null for a record."
    )
    error_message: str
    request_id: UUID | None = Field(description="The request; null for a record.")
    round: int | None = Field(description="The round of the request that ended so, from 1.")
    failed_ordinals: list[int] | None = Field(description="Which of its items failed, from 0.")
    attempts: int = Field(description="How often the provider was called for the failed items.")
    topic: str = Field(description="Where the record was read, or would dispatch the request.")
    partition: int | None = Field(description="Of the record that was read; else null.")
    offset: int | None = Field(description="Of the record that was read; else null.")
    consumer_group: str | None
    delivery_count: int = Field(
        description="How often the record was read, or the request claimed, before."
    )
    replay_count: int
    first_failed_at: datetime
    created_at: datetime
    urls: LetterUrls


class DeadLetterPage(BaseModel):
    """Dead letters, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [_SUMMARY],
                    "next_cursor": "WyIyMDI2LTExLTIxVDEwOjMxOjA0LjEyMDAwMCswMDowMCIsICI"
                    "wMTlhYTNmMS0wYjdlLTdkMTItYTZjNC01MWYyYjdhMGM5ZDMiXQ",
                    "has_more": True,
                }
            ]
        }
    )

    data: list[DeadLetterSummary]
    next_cursor: str | None = Field(description="For `cursor`; null on the last page.")
    has_more: bool


class Content(BaseModel):
    """Bytes: always as base64, and as text where they are UTF-8."""

    base64: str
    text: str | None


class RecordHeader(BaseModel):
    """A header; names may repeat, and their order counts."""

    name: str
    value: Content | None


class KeptRecord(BaseModel):
    """A record as it came, byte for byte; null is NULL, which is not empty."""

    key: Content | None
    value: Content | None
    headers: list[RecordHeader]


class DeadLetter(DeadLetterSummary):
    """A dead letter with its record: as it was read, or rebuilt for a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_SUMMARY,
                    "record": {
                        "key": {
                            "base64": "MDE5YWEzZjAtNWQxYy03YjNlLTljNTUtMGI3YzVkMWYyYTEw",
                            "text": "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10",
                        },
                        "value": {"base64": "AP8=", "text": None},
                        "headers": [
                            {
                                "name": "content-type",
                                "value": {
                                    "base64": "YXBwbGljYXRpb24vanNvbg==",
                                    "text": "application/json",
                                },
                            }
                        ],
                    },
                }
            ]
        }
    )

    record: KeptRecord | None = Field(
        description="Null where it could not be kept: read it at its coordinates."
    )
