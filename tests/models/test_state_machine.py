"""The moves of a request in any order, against a model that says what each should do."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from structlog.testing import capture_logs

from schemas.states import Status
from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.models.machine import LEASE_SECONDS
from tests.models.rules import Rules
from tests.support.waiting import eventually

BOUNDED = settings(
    max_examples=360,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # shrinking takes minutes: add it to look into a failure
    suppress_health_check=[*HealthCheck],
)
MOVES = {
    *Status,
    "taken over",
    "taken again",
    "recorded",
    "late recorded",
    "late stale",
    "late final",
    "partial re-opened",
    "failed re-opened",
    "cancelled re-opened",
    ErrorCode.DEADLINE_EXCEEDED,
    ErrorCode.CRASH_LOOP,
    ErrorCode.PROVIDER_UNAVAILABLE,
    ErrorCode.UNKNOWN_ENTITY_TYPE,
}


def test_postgresql_does_what_the_model_says(database: Database, loop: asyncio.AbstractEventLoop):
    assert MOVES - drive(database, loop, BOUNDED) == set(), "moves that no example made"


def drive(database: Database, loop: asyncio.AbstractEventLoop, bounds: settings) -> set[str]:
    """Run the machine and return the names of the moves that it made."""
    loop.run_until_complete(_up_for_a_lease(database))
    done: Counter[str] = Counter()
    with capture_logs():
        run_state_machine_as_test(
            lambda: Rules(database, loop, done),  # type: ignore[arg-type]  # any factory will do
            settings=bounds,
        )
    return {*(+done)}


async def _up_for_a_lease(database: Database) -> None:
    """Wait until the server is up for so long that expired leases may be taken over."""

    async def is_up() -> bool:
        row = await database.fetchrow(
            """SELECT pg_postmaster_start_time()
                      < clock_timestamp() - make_interval(secs => $1) AS is_up""",
            LEASE_SECONDS,
        )
        return row is not None and row["is_up"]

    await eventually(is_up)
