"""A request that no worker serves fails, once a worker has watched in vain for ten minutes."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from shared.postgres.database import Database
from tests.support.maintenance import a_worker, in_an_hour, maintenance_of, settle_all_due
from tests.support.requests import LEASE_SECONDS, a_request, row_of
from worker_service.claims.claims import Claimant
from worker_service.maintenance.presence import note_presence

pytestmark = pytest.mark.usefixtures("balanced")

UNSERVED = pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"entity_type": "poem"}, "unknown_entity_type"),
        ({"provider": "openai"}, "unknown_provider"),
    ],
)
OTHER: dict[str, Any] = {"entity_types": ["sentence", "poem"], "providers": ["demo", "openai"]}


async def _settle_due(database: Database, **changes: Any) -> int:
    return await settle_all_due(database, **{"take_over_until": in_an_hour(), **changes})


@UNSERVED
async def test_what_no_worker_serves_fails_after_ten_minutes(
    database: Database, wanted: dict[str, Any], code: str
):
    young = await a_request(database, age=599, **wanted)
    old = await a_request(database, age=601, **wanted)

    await _settle_due(database)

    assert (await row_of(database, young))["status"] == "pending"
    assert (await row_of(database, old))["error_code"] == code


@UNSERVED
@pytest.mark.parametrize("silent", [0, 595])
async def test_what_another_worker_served_lately_only_waits(
    database: Database, wanted: dict[str, Any], code: str, silent: float
):
    """Its worker may be restarting, or its provider may be left alone: it comes back."""
    del code
    await a_worker(database, silent=silent, **OTHER)
    await a_request(database, age=9_000, **wanted)

    assert await _settle_due(database) == 0


@UNSERVED
async def test_what_a_worker_served_ten_minutes_ago_fails(
    database: Database, wanted: dict[str, Any], code: str
):
    await a_worker(database, silent=601, **OTHER)
    request_id = await a_request(database, age=9_000, **wanted)

    await _settle_due(database)

    assert (await row_of(database, request_id))["error_code"] == code


@UNSERVED
async def test_a_worker_that_has_just_started_calls_nothing_unserved(
    database: Database, wanted: dict[str, Any], code: str
):
    del code
    await a_request(database, age=9_000, **wanted)

    assert await _settle_due(database, watched=599) == 0


async def test_a_type_and_a_provider_of_two_workers_are_served_by_none(database: Database):
    await a_worker(database, entity_types=["poem"], providers=["demo"])
    request_id = await a_request(database, entity_type="poem", provider="openai", age=601)

    await _settle_due(database, providers=["openai"])

    assert (await row_of(database, request_id))["error_code"] == "unknown_provider"


async def test_a_type_that_another_worker_has_needs_no_named_provider(database: Database):
    await a_worker(database, **OTHER)
    await a_request(database, entity_type="poem", age=601)

    assert await _settle_due(database) == 0


async def _note(database: Database, owner: UUID) -> datetime:
    claimant = Claimant(
        owner=owner,
        lease_seconds=LEASE_SECONDS,
        entity_types=["sentence"],
        providers=["demo"],
        default_provider="demo",
    )
    await note_presence(maintenance_of(database, claimant))
    row = await database.fetchrow("SELECT * FROM workers WHERE id = $1", owner)
    assert row is not None
    watching_since: datetime = row["watching_since"]
    return watching_since


async def test_a_worker_goes_on_watching_from_note_to_note(database: Database):
    owner = await a_worker(database, watched=700, silent=59)
    before = await database.fetchrow("SELECT watching_since FROM workers")

    assert before is not None
    assert await _note(database, owner) == before["watching_since"]


async def test_a_worker_that_was_cut_off_begins_to_watch_anew(database: Database):
    """So were the others: an outage of PostgreSQL makes nothing unserved."""
    await a_worker(database, silent=900, **OTHER)
    owner = await a_worker(database, watched=2_000, silent=900)
    await a_request(database, provider="openai", age=1_000)

    noted = await _note(database, owner)

    row = await database.fetchrow("SELECT clock_timestamp() - $1 AS watched", noted)
    assert row is not None
    assert row["watched"].total_seconds() < 60


async def test_a_worker_that_ended_a_day_ago_is_forgotten(database: Database):
    await a_worker(database, silent=86_500)
    yesterday = await a_worker(database, silent=86_000)
    owner = await a_worker(database, silent=86_500)

    await _note(database, owner)

    rows = await database.fetch("SELECT id FROM workers")
    assert {row["id"] for row in rows} == {yesterday, owner}
