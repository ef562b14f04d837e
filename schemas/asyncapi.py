"""The AsyncAPI 3 document: topics, messages and headers, from the models that both services use.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from typing import Any

from pydantic import BaseModel

from schemas.dead_letters import Header, Reason
from schemas.events import SETTLED_SCHEMA, SETTLED_TYPE, GenerationSettled
from schemas.messages import DISPATCH_SCHEMA, DISPATCH_TYPE, SOURCE, GenerationRequested
from schemas.states import Priority

Json = dict[str, Any]

_DESCRIPTION = (
    "What the services say to each other and to the world over Kafka. The setting "
    "KAFKA_TOPIC_PREFIX stands before each topic. Records are keyed by the id of the generation "
    "request, may come twice (`ce_id` is then the same), and may gain fields."
)
_KEY = {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}}


def document() -> Json:
    """Write the document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Generation requests over Kafka",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": "generation requests"}],
        },
        "servers": {
            "kafka": {
                "host": "localhost:9092",
                "protocol": "kafka",
                "description": "The setting KAFKA_BOOTSTRAP_SERVERS names the brokers.",
            }
        },
        "defaultContentType": "application/json",
        "channels": {
            "generationRequests": {
                "address": "generation-requests.{priority}",
                "description": "Requests to be claimed, a topic for each priority.",
                "parameters": {"priority": {"enum": [*Priority], "description": "Of the request."}},
                "messages": _carried("GenerationRequested"),
            },
            "generationEvents": {
                "address": "generation-events",
                "description": "What became of requests.",
                "messages": _carried("GenerationSettled"),
            },
            "deadLetters": {
                "address": "generation-requests.dlq",
                "description": "Records that could not be read, and requests that lack entities.",
                "messages": _carried("DeadLetter"),
            },
        },
        "operations": {
            "dispatchRequest": _operation("send", "generationRequests", "After each submit."),
            "claimRequest": _operation("receive", "generationRequests", "The row decides."),
            "announceSettlement": _operation("send", "generationEvents", "Once for each round."),
            "publishDeadLetter": _operation("send", "deadLetters", "Once for each dead letter."),
        },
        "components": {
            "messages": {
                "GenerationRequested": _event(GenerationRequested, DISPATCH_TYPE, DISPATCH_SCHEMA),
                "GenerationSettled": _event(GenerationSettled, SETTLED_TYPE, SETTLED_SCHEMA),
                "DeadLetter": _dead_letter(),
            },
            "schemas": {
                model.__name__: _schema(model) for model in (GenerationRequested, GenerationSettled)
            },
        },
    }


def _carried(name: str) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"}}


def _operation(action: str, channel: str, description: str) -> Json:
    reference = {"$ref": f"#/channels/{channel}"}
    return {"action": action, "channel": reference, "description": description}


def _schema(model: type[BaseModel]) -> Json:
    """Write a schema without its `$id`, against which references would be read."""
    return {name: part for name, part in model.model_json_schema().items() if name != "$id"}


def _event(model: type[BaseModel], event_type: str, dataschema: str) -> Json:
    """Describe a CloudEvent in binary mode."""
    headers = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_type": {"const": event_type},
        "ce_source": {"const": SOURCE},
        "ce_subject": {"type": "string", "format": "uuid"},
        "ce_dataschema": {"const": dataschema},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string"},
    }
    return {
        "name": event_type,
        "summary": model.__doc__,
        "headers": {"type": "object", "properties": headers, "required": [*headers]},
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": _KEY,
    }


def _dead_letter() -> Json:
    """Describe a record that keeps key, value and headers byte for byte, and adds headers."""
    text = {"type": "string"}
    headers = dict.fromkeys(map(str, Header), text) | {
        str(Header.REASON): {"type": "string", "examples": [*Reason]},
    }
    required = [Header.TOPIC, Header.MESSAGE, Header.ID, Header.REASON]
    return {
        "name": "dead letter",
        "summary": "A record as it came, or the dispatch message of a request, and why it is here.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": headers, "required": [*required]},
        "payload": {"description": "The value of the record, which may be anything, or nothing."},
    }
