"""The calls that are recorded beside those that the model has served, id by id.

A call is in flight from the moment at which the model gets it until its row is written: a worker
that is killed in between leaves none. A worker that drains records all that has ended, unless
PostgreSQL does not answer it from the end of the call to its own; then its log gives the call up by
its id. Such calls are named. Any other difference is a violation.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from uuid import UUID

from shared.postgres.database import Database
from tests.support.model_server import Call, Item

ROWS = """
SELECT call_id, generation_request_id::text AS request_id, call.ordinal, outcome,
       call.error_message, request.constraints -> 'topic_tags' ->> 0 AS tag
  FROM provider_calls AS call
  LEFT JOIN generation_requests AS request ON request.id = call.generation_request_id"""

TAGS = "SELECT id::text, constraints -> 'topic_tags' ->> 0 AS tag FROM generation_requests"

COUNTS = """
SELECT generation_request_id::text AS request_id, count(*)::int AS calls
  FROM provider_calls GROUP BY generation_request_id"""

RECORDED_WITHIN_SECONDS = 3.0
"""How long after the end of an answer its row may still be missing while PostgreSQL answers."""

LAST_TRY_SECONDS = 2.0
"""How long before a call is given up the last try to record it may have begun."""

LONGEST_CALL_SECONDS = 10.0
_CANCELLED = "cancelled"
_NEVER_SENT = "ConnectError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A recorded call."""

    request_id: str
    item: Item
    outcome: str
    error_message: str | None = None

    @property
    def may_be_unserved(self) -> bool:
        """Whether the call may have ended before the model got it."""
        return self.outcome == _CANCELLED or (self.error_message or "").startswith(_NEVER_SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    """How a worker's process ended; `at` in seconds of the epoch."""

    worker: str
    process: int
    at: float
    was_killed: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """When a worker could not write to PostgreSQL, in seconds of the epoch; None: no worker could.

    `until` is when the cause was over: connections may take longer to come back.
    """

    since: float
    until: float
    worker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The rows, and the ids of the requests by their tags."""

    rows: Mapping[UUID, Row] = field(default_factory=dict)
    request_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many calls were served, how many of them are recorded, and the others by name."""

    served: int
    recorded: int
    in_flight: list[str]
    violations: list[str]


async def read(database: Database) -> Ledger:
    """Read what is recorded."""
    return Ledger(
        rows={
            row["call_id"]: Row(
                request_id=row["request_id"],
                item=Item(row["tag"], row["ordinal"]),
                outcome=row["outcome"],
                error_message=row["error_message"],
            )
            for row in await database.fetch(ROWS)
        },
        request_ids={row["tag"]: row["id"] for row in await database.fetch(TAGS)},
    )


async def calls_by_request(database: Database) -> dict[str, int]:
    """Count the recorded calls of each request that has any."""
    return {row["request_id"]: row["calls"] for row in await database.fetch(COUNTS)}


def compare(
    served: Collection[Call],
    ledger: Ledger,
    *,
    answered_at: Mapping[UUID, float],
    ends: Iterable[ProcessEnd],
    outages: Collection[Outage],
    given_up: Mapping[UUID, float],
) -> Comparison:
    """Compare every call that the model has got with every one that is recorded, both ways.

    `answered_at` is when the model had answered, for the calls that it did answer; `given_up` when
    a worker's log has said that it cannot record a call.
    """
    by_process = {(end.worker, end.process): end for end in ends}
    in_flight, violations = (
        [],
        [*_unserved(served, ledger), *_about_others(served, ledger), *_twice(served)],
    )
    for call in served:
        if call.call_id in ledger.rows:
            continue
        end = by_process.get((call.worker, call.process))
        ended_at = answered_at.get(call.call_id, call.at + LONGEST_CALL_SECONDS)
        met = [outage for outage in outages if outage.worker in {None, call.worker}]
        if end is not None and ended_at >= _unrecorded_since(end, met, given_up.get(call.call_id)):
            in_flight.append(f"{_named(call, ledger)}, {_how(end)}")
        else:
            violations.append(f"{_named(call, ledger)}, was served and never recorded")
    return Comparison(
        served=len(served),
        recorded=sum(call.call_id in ledger.rows for call in served),
        in_flight=in_flight,
        violations=violations,
    )


def _twice(served: Iterable[Call]) -> list[str]:
    times = Counter(call.call_id for call in served)
    return [
        f"call {call_id} was served {count} times" for call_id, count in times.items() if count > 1
    ]


def _unserved(served: Iterable[Call], ledger: Ledger) -> list[str]:
    known = {call.call_id for call in served}
    return [
        f"call {call_id} of request {row.request_id}, ordinal {row.item.ordinal}, is recorded as "
        f"{row.outcome} and was never served"
        for call_id, row in ledger.rows.items()
        if call_id not in known and not row.may_be_unserved
    ]


def _about_others(served: Iterable[Call], ledger: Ledger) -> list[str]:
    return [
        f"{_named(call, ledger)}, is recorded for {row.item}"
        for call in served
        if (row := ledger.rows.get(call.call_id)) is not None and row.item != call.item
    ]


def _unrecorded_since(
    end: ProcessEnd, outages: Collection[Outage], given_up_at: float | None
) -> float:
    """Return from when on an answer need not have been recorded before the process ended."""
    if end.was_killed:
        moment = end.at - RECORDED_WITHIN_SECONDS
        return _unreachable_since(moment, outages, grace=RECORDED_WITHIN_SECONDS)
    if given_up_at is None:
        return inf
    since = _unreachable_since(given_up_at, outages, grace=LAST_TRY_SECONDS)
    return since if since < given_up_at else inf


def _unreachable_since(moment: float, outages: Collection[Outage], *, grace: float) -> float:
    """Return the earliest end of a call from which on PostgreSQL was unreachable up to a moment.

    The moment itself if it was reachable then. `grace` is how long after the end of an outage a
    write may still be missing; before its begin that is `RECORDED_WITHIN_SECONDS`.
    """
    since = moment
    for outage in sorted(outages, key=lambda outage: outage.until, reverse=True):
        if outage.since <= since <= outage.until + grace:
            since = outage.since
    return since - RECORDED_WITHIN_SECONDS if since < moment else moment


def _named(call: Call, ledger: Ledger) -> str:
    request_id = ledger.request_ids.get(call.item.tag, f"with the tag {call.item.tag}")
    return f"request {request_id}, ordinal {call.item.ordinal}, {call.worker}, {_time(call.at)}"


def _how(end: ProcessEnd) -> str:
    return (
        f"{'killed' if end.was_killed else 'given up without PostgreSQL, left'} at {_time(end.at)}"
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]
