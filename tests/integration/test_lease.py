"""Rules 6.6 and 6.7: leases are renewed by epoch alone, and an outage steals none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack import postgres
from migrations.migrate import migrate
from shared.errors import DatabaseContended, DatabaseUnavailable
from shared.postgres.database import Database, connect
from tests.support.requests import (
    Claimer,
    a_request,
    a_success,
    expire_lease,
    items_of,
    recorded,
    row_of,
)
from tests.support.waiting import eventually
from worker_service.claims.lease import Leases
from worker_service.claims.run import Run
from worker_service.claims.slots import Slots

LEASE_SECONDS = 30.0


async def _run_of(database: Database, *, count: int = 1) -> Run:
    return Run.of(await Claimer(database).claim(await a_request(database, count=count)))


def _leases(
    database: Database, *runs: Run, lease_seconds: float = LEASE_SECONDS
) -> tuple[Leases, Slots]:
    slots = Slots(100)
    for run in runs:
        slots.add(run)
    return Leases(database, slots, lease_seconds=lease_seconds), slots


async def _seconds_left(database: Database, run: Run) -> float:
    row = await database.fetchrow(
        """SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 AS seconds
             FROM generation_requests WHERE id = $1""",
        run.claim.request_id,
    )
    assert row is not None
    seconds: float = row["seconds"]
    return seconds


@pytest.mark.usefixtures("balanced")
async def test_one_beat_renews_every_lease_even_an_expired_one(database: Database):
    runs = [await _run_of(database) for _ in range(3)]
    await expire_lease(database, runs[0].claim.request_id)

    await _leases(database, *runs)[0].renew()

    assert min([await _seconds_left(database, run) for run in runs]) > LEASE_SECONDS / 2


@pytest.mark.usefixtures("balanced")
async def test_a_beat_does_not_renew_the_lease_of_a_newer_epoch(database: Database):
    run = await _run_of(database)
    await expire_lease(database, run.claim.request_id)
    await Claimer(database, lease_seconds=1.0).claim_any()

    await _leases(database, run)[0].renew()

    assert await _seconds_left(database, run) <= 1.0


@pytest.mark.usefixtures("balanced")
async def test_only_a_beat_that_renewed_its_lease_lets_a_run_go_on(database: Database):
    lost, kept = await _run_of(database), await _run_of(database)
    await expire_lease(database, lost.claim.request_id)
    await Claimer(database).claim_any()
    lost.leased_until = kept.leased_until = 0.0

    await _leases(database, lost, kept)[0].renew()

    assert [lost.is_leased, kept.is_leased] == [False, True]


@pytest.mark.usefixtures("balanced")
async def test_a_row_that_another_session_has_locked_delays_no_other_lease(database: Database):
    locked, free = await _run_of(database), await _run_of(database)
    leases, slots = _leases(database, locked, free)
    async with database.transaction() as session:
        await session.execute(
            "SELECT FROM generation_requests WHERE id = $1 FOR UPDATE", locked.claim.request_id
        )

        await leases.renew()
        await leases.abort_lost()

    assert await _seconds_left(database, free) > LEASE_SECONDS / 2
    assert not any(run.is_stopping for run in slots)


@pytest.mark.usefixtures("balanced")
async def test_a_beat_does_not_change_the_version(database: Database):
    run = await _run_of(database)
    before = await row_of(database, run.claim.request_id)

    await _leases(database, run)[0].renew()

    assert (await row_of(database, run.claim.request_id))["version"] == before["version"]


@pytest.mark.usefixtures("balanced")
async def test_a_beat_tells_the_owner_what_a_late_success_has_filled(database: Database):
    late = await _run_of(database, count=3)
    await expire_lease(database, late.claim.request_id)
    claimer = Claimer(database)
    await claimer.claim_any()
    owner = Run.of(claimer.started[0])
    await recorded(database, late.claim, 1, a_success())

    await _leases(database, owner)[0].renew()

    assert owner.missing == [0, 2]


@pytest.mark.usefixtures("balanced")
async def test_a_run_whose_request_was_taken_over_is_aborted(database: Database):
    run, kept = await _run_of(database), await _run_of(database)
    await expire_lease(database, run.claim.request_id)
    await Claimer(database).claim_any()

    await _leases(database, run, kept)[0].abort_lost()

    assert (run.is_stopping, kept.is_stopping) == (True, False)


@pytest.mark.usefixtures("balanced")
async def test_a_run_whose_request_is_final_is_aborted(database: Database):
    run = await _run_of(database)
    await recorded(database, run.claim, 0, a_success())

    await _leases(database, run)[0].abort_lost()

    assert run.is_stopping


async def test_after_a_failed_beat_a_worker_takes_nothing_over_for_a_lease(database: Database):
    leases, _ = _leases(database)
    async with connect(
        "postgresql://nobody@127.0.0.1:1/none", patience=1, pool_size=1, application_name="test"
    ) as unreachable:
        leases._database, database = unreachable, leases._database  # noqa: SLF001
        with pytest.raises(DatabaseUnavailable):
            await leases.renew()
        leases._database = database  # noqa: SLF001

    await leases.renew()

    assert leases.take_over_until is None


async def test_after_a_lock_that_kept_every_beat_away_a_worker_takes_nothing_over_for_a_lease(
    database: Database, database_url: str
):
    """An owner that the lock kept from renewing gets the time to do so, as after an outage."""
    async with connect(
        database_url, patience=1.0, pool_size=2, application_name="test"
    ) as impatient:
        leases, _ = _leases(impatient, lease_seconds=1.0)
        await leases.renew()
        assert leases.take_over_until is not None

        async with database.transaction() as session:
            await session.execute("LOCK TABLE generation_items IN ACCESS EXCLUSIVE MODE")
            await eventually(lambda: _gives_up_for_good(leases))
        await leases.renew()

        assert leases.take_over_until is None


async def _gives_up_for_good(leases: Leases) -> bool:
    """Beat in vain, and tell whether taking over is suspended rather than not permitted now."""
    with pytest.raises(DatabaseContended):
        await leases.renew()
    return leases.take_over_until is None


async def test_a_restart_of_postgresql_steals_no_lease(tmp_path: Path):
    server = postgres.start(state_dir=tmp_path, durable=False)
    try:
        await migrate(server.url)
        async with connect(
            server.url, patience=5, pool_size=4, application_name="test"
        ) as database:
            request_id = await a_request(database, count=2)
            owner = Claimer(database, lease_seconds=3.0)
            run = Run.of(await owner.claim(request_id))
            server.stop()
            server.start()
            await expire_lease_when_up(database, run)
            other = Claimer(database, lease_seconds=3.0)

            assert await other.claim_any() == []

            async def taken() -> bool:
                return await other.claim_any() == [request_id]

            await eventually(taken, within=10)
            assert await items_of(database, request_id) == {}
    finally:
        server.stop()


async def expire_lease_when_up(database: Database, run: Run) -> None:
    async def expired() -> bool:
        try:
            await expire_lease(database, run.claim.request_id)
        except DatabaseUnavailable:
            return False
        return True

    await eventually(expired)


@pytest.mark.usefixtures("balanced")
async def test_a_worker_takes_nothing_over_before_its_first_good_beat(database: Database):
    leases, _ = _leases(database)
    assert leases.take_over_until is None

    await leases.renew()

    assert leases.take_over_until is not None


@pytest.mark.usefixtures("balanced")
async def test_a_takeover_that_a_thawed_server_carries_out_late_takes_nothing(
    database: Database,
):
    """The permission ends by the database's clock, whenever the statement is run."""
    run = await _run_of(database)
    await expire_lease(database, run.claim.request_id)
    claimer = Claimer(database)

    claimed = await claimer.claim_any(take_over_until=datetime.now(UTC) - timedelta(seconds=1))

    assert claimed == []
