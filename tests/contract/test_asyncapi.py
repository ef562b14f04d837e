"""The AsyncAPI document says what the services send."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from jsonschema_rs import validator_for

from schemas import asyncapi
from schemas.events import SETTLED_SCHEMA, SETTLED_TYPE, GenerationSettled
from schemas.messages import DISPATCH_SCHEMA, cloud_event_headers, time_header
from schemas.states import Priority
from shared.kafka.records import Record
from shared.kafka.topics import Topics
from shared.requests.dispatch import dispatch_record, timed
from tests.contract.test_json_schemas import exported_schema

REQUEST_ID = UUID("019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10")
AT = datetime(2026, 11, 21, 10, 30, 0, 120, tzinfo=UTC)
DOCUMENT = asyncapi.document()
MESSAGES = DOCUMENT["components"]["messages"]


def a_dispatch() -> Record:
    return timed(dispatch_record(REQUEST_ID, topic="t", traceparent="00-1-1-00"), AT)


def an_event() -> Record:
    event = GenerationSettled(
        generation_request_id=REQUEST_ID,
        entity_type="sentence",
        status="completed",
        round=1,
        requested_count=1,
        generated_count=1,
        failed_count=0,
        error_code=None,
        completed_at=AT,
    )
    headers = cloud_event_headers(
        SETTLED_TYPE,
        event_id=REQUEST_ID,
        subject=REQUEST_ID,
        traceparent="00-1-1-00",
        dataschema=SETTLED_SCHEMA,
    )
    return Record(
        topic="t",
        key=None,
        value=event.model_dump_json().encode(),
        headers=[*headers, time_header(AT)],
    )


def texts(record: Record) -> dict[str, Any]:
    return {name: value.decode() for name, value in record.headers if value is not None}


@pytest.mark.parametrize(
    ("name", "record"), [("GenerationRequested", a_dispatch()), ("GenerationSettled", an_event())]
)
def test_an_event_is_as_its_message_says(name: str, record: Record):
    message = MESSAGES[name]
    headers = texts(record)

    validator_for(message["headers"], validate_formats=True).validate(headers)
    assert {*headers} == {*message["headers"]["properties"]}
    assert headers["ce_time"] == "2026-11-21T10:30:00.000120Z"


def test_an_event_names_the_exported_schema_of_its_value():
    for file, dataschema in (
        ("generation_requested.v1", DISPATCH_SCHEMA),
        ("generation_settled.v1", SETTLED_SCHEMA),
    ):
        assert exported_schema(file)["$id"] == dataschema


def test_its_channels_are_the_topics():
    addresses = [channel["address"] for channel in DOCUMENT["channels"].values()]
    topics = Topics.with_prefix("").names

    assert {name.format(priority=each) for name in addresses for each in Priority} == {*topics}


def test_every_reference_leads_somewhere():
    for channel in DOCUMENT["channels"].values():
        for name, message in channel["messages"].items():
            assert message["$ref"] == f"#/components/messages/{name}"
            assert name in MESSAGES
    for operation in DOCUMENT["operations"].values():
        assert operation["channel"]["$ref"].rpartition("/")[2] in DOCUMENT["channels"]
