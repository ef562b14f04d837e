"""The one oracle: every invariant of the service, and whether it holds.

`tables` (PostgreSQL)
    every 202 is there and settled; generated + failed = requested; ordinals are unique and in
    range; entities and successes are one to one; nothing final holds a lease or has open items;
    the outbox holds no dispatch row of a request that is not pending, and empties; one letter for
    each dead-lettered round; calls are of ordinals, rounds and epochs that their request has had;
    each item that a worker made has its calls recorded
`topics` (Kafka)
    one settled event for each settled round; letters in the table are those on their topic; each
    poison record has one letter, and a good record none
`over_http` (the API)
    every promise is final, listed once, and its counts are those of what it shows; `usage.calls`
    is the number of its recorded calls
`watch` (beside the run)
    a final status is left by retry or replay alone; versions and committed offsets never go back
`calls` (the model)
    items are what the model answered; calls are wasted only by what a fault interrupted
`ledger` (the model and PostgreSQL)
    the calls that are recorded are those that the model has served, id by id, both ways; each one
    that is missing was in flight when its worker was killed, or given up by a worker that drained
    without PostgreSQL, and is named

Each returns its violations as sentences.
"""

import httpx

from shared.postgres.database import Database
from tests.support.invariants import ledger, over_http, tables
from tests.support.waiting import eventually


async def check(database: Database) -> None:
    """Check what holds in PostgreSQL at every moment."""
    assert not (found := await tables.violations(database)), found


async def check_relayed(database: Database) -> None:
    """Check also what holds within 5 s where a relay runs, and what workers leave."""
    await check(database)
    assert not (found := await tables.unpaid(database)), found

    async def is_empty() -> bool:
        return not await tables.unpublished(database)

    await eventually(is_empty, within=5.0, what="the outbox empties")
    assert not (found := await tables.stale_dispatches(database)), found


async def check_usage(api: httpx.AsyncClient, database: Database) -> None:
    """Check that the API shows of every request as many calls as are recorded, within 5 s."""
    found: list[str] = []

    async def agrees() -> bool:
        nonlocal found
        found = await over_http.usage_violations(api, await ledger.calls_by_request(database))
        return not found

    try:
        await eventually(agrees, within=5.0)
    except AssertionError:
        raise AssertionError(found) from None
