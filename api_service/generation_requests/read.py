"""Read a generation request: its record, its entities, its failures, in one statement."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic_core import to_json

from api_service.generation_requests.columns import COLUMNS, NewRequest
from api_service.generation_requests.submit import Accepted
from api_service.http.json_parser import INT64
from schemas.api import (
    ErrorSummary,
    Failure,
    GenerationRequest,
    GenerationRequestSummary,
    LastFailure,
    Urls,
)
from schemas.dead_letters import DeadLetterReference
from schemas.entities import ENTITY_TYPES
from schemas.states import FINAL, Status
from schemas.usage import Usage
from shared.errors import REPETITIONS, RETRYABLE
from shared.postgres.database import Database
from shared.sql import sql

CALLS_OF_REQUEST = """
 CROSS JOIN LATERAL (
       SELECT json_build_object(
                  'calls', count(*),
                  'input_tokens', coalesce(sum(input_tokens), 0),
                  'output_tokens', coalesce(sum(output_tokens), 0),
                  'reasoning_tokens', coalesce(sum(reasoning_tokens), 0)) AS usage,
              -- The last one that has answered; where none has, the last one that was asked.
              (array_agg(call.model ORDER BY call.outcome = 'ok' DESC, ended_at DESC, call_id DESC)
               FILTER (WHERE call.model IS NOT NULL))[1] AS used_model
         FROM provider_calls AS call WHERE call.generation_request_id = request.id) AS calls"""
"""The calls of `request`: of all its rounds, whatever became of them."""

READ = sql(f"""
SELECT request.*,
       extract(epoch FROM clock_timestamp() - request.started_at)::float8 AS seconds_in_work,
       (SELECT json_agg(json_build_object(
                   'ordinal', ordinal, 'entity', entity, 'code', error_code,
                   'message', error_message, 'attempts', attempts)
               ORDER BY ordinal)
          FROM generation_items WHERE generation_request_id = request.id) AS items,
       calls.usage, calls.used_model,
       dead_letter.id AS dead_letter_id, dead_letter.reason AS dead_letter_reason,
       last_failure.*
  FROM generation_requests AS request {CALLS_OF_REQUEST}
  LEFT JOIN dead_letters AS dead_letter
         ON dead_letter.generation_request_id = request.id AND dead_letter.round = request.round
  -- Of an item that is still missing; one that was made in the end says nothing any more.
  LEFT JOIN LATERAL (
       SELECT outcome AS failed_code, call.error_message AS failed_message, ended_at AS failed_at,
              call.provider AS failed_provider, call.model AS failed_model,
              (SELECT count(*) FROM provider_calls AS made
                WHERE made.generation_request_id = request.id AND made.round = request.round
                  AND made.ordinal = call.ordinal) AS failed_calls
         FROM provider_calls AS call
        WHERE request.completed_at IS NULL AND call.generation_request_id = request.id
          AND call.round = request.round AND call.error_message IS NOT NULL
          AND call.outcome <> ALL (:repetitions::text[])
          AND NOT EXISTS (SELECT FROM generation_items AS item
                           WHERE item.generation_request_id = request.id
                             AND item.ordinal = call.ordinal)
        ORDER BY ended_at DESC, call_id DESC LIMIT 1) AS last_failure ON true
 WHERE request.id = :request_id""")

_MEMBERS: Final = GenerationRequestSummary.model_fields.keys()
_ECHOED: Final = [name for name in GenerationRequest.model_fields if name in COLUMNS]
_PENDING: Final[dict[str, Any]] = {
    **dict.fromkeys(GenerationRequest.model_fields),
    "status": Status.PENDING,
    "generated_count": 0,
    "failed_count": 0,
    "usage": Usage().model_dump(),
    "version": 1,
    "entities": [],
    "failures": [],
}
"""The record of a request that was just accepted; what it does not say is null."""

_FIRST_POLL_SECONDS = 2
_LONGEST_POLL_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A representation of the record, with the values of its HTTP headers."""

    body: bytes
    etag: str
    retry_after_seconds: int | None


async def find(request_id: UUID, *, database: Database, prefix: str) -> Reading | None:
    """Read the request, or return None where there is none of that id."""
    row = await READ.fetchrow(database, request_id=request_id, repetitions=[*REPETITIONS])
    if row is None:
        return None
    items: list[dict[str, Any]] = json.loads(row["items"] or "[]")
    body = _record(row, items, prefix).model_dump_json().encode()
    return Reading(
        body=body,
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        retry_after_seconds=None
        if row["status"] in FINAL
        else retry_after(
            remaining=row["requested_count"] - len(items),
            recorded=len(items),
            seconds_in_work=row["seconds_in_work"],
        ),
    )


def retry_after(*, remaining: int, recorded: int, seconds_in_work: float | None) -> int:
    """Estimate when a poll is worth while: what is left, at the pace so far, within 1 to 30 s."""
    if not recorded or seconds_in_work is None:
        return _FIRST_POLL_SECONDS
    return max(1, min(_LONGEST_POLL_SECONDS, round(seconds_in_work / recorded * remaining)))


def accepted_body(new: NewRequest, accepted: Accepted, *, path: str) -> bytes:
    """Write the record of a request as it was when it was accepted, to be polled at `path`.

    Written without making a `GenerationRequest` first, which takes three times as long.
    """
    return to_json(
        {
            **_PENDING,
            **{name: getattr(new, name) for name in _ECHOED},
            "request_id": accepted.request_id,
            "requested_at": accepted.requested_at,
            "urls": {"self": path},
        }
    )


def path_of(request_id: UUID, prefix: str) -> str:
    return f"{prefix}/generation-requests/{request_id}"


def summary(row: asyncpg.Record, prefix: str) -> GenerationRequestSummary:
    """Make the record as lists show it: without entities and failures."""
    return GenerationRequestSummary(**_members(row, prefix))


def _record(row: asyncpg.Record, items: list[dict[str, Any]], prefix: str) -> GenerationRequest:
    return GenerationRequest(
        **_members(row, prefix),
        entities=_entities(row["entity_type"], items),
        failures=[Failure(**item) for item in items if item["code"] is not None],
        last_failure=_last_failure(row),
        dead_letter=_dead_letter(row),
    )


def _members(row: asyncpg.Record, prefix: str) -> dict[str, Any]:
    """Read the members that are columns by their names, and derive the others."""
    return {
        **{name: value for name, value in row.items() if name in _MEMBERS},
        "request_id": row["id"],
        "constraints": _read_json(row["constraints"]),
        "metadata": None if row["metadata"] is None else _read_json(row["metadata"]),
        "error": _error(row),
        "model": row["used_model"] or row["model"],
        "usage": Usage.model_validate_json(row["usage"]),
        "urls": Urls(self=path_of(row["id"], prefix)),
    }


def _read_json(text: str) -> Any:
    return json.loads(text, parse_int=_int_or_float)


def _int_or_float(digits: str) -> int | float:
    """Read what jsonb made of 1e22: no integer of over 64 bits was accepted."""
    number = int(digits)
    return number if number in INT64 else float(digits)


def _entities(type_name: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    entities = [item["entity"] for item in items if item["entity"] is not None]
    entity_type = ENTITY_TYPES.get(type_name)
    return [entity_type.represent(entity) for entity in entities] if entity_type else entities


def _error(row: asyncpg.Record) -> ErrorSummary | None:
    if row["error_code"] is None:
        return None
    return ErrorSummary(
        code=row["error_code"],
        message=row["error_message"],
        retryable=row["error_code"] in RETRYABLE,
    )


def _dead_letter(row: asyncpg.Record) -> DeadLetterReference | None:
    if row["dead_letter_id"] is None:
        return None
    return DeadLetterReference(id=row["dead_letter_id"], reason=row["dead_letter_reason"])


def _last_failure(row: asyncpg.Record) -> LastFailure | None:
    if row["failed_code"] is None:
        return None
    return LastFailure(**{name: row[f"failed_{name}"] for name in LastFailure.model_fields})
