"""The list of generation requests: newest first, page by page."""

import re
from collections.abc import AsyncIterator
from itertools import chain
from uuid import UUID

import httpx
import pytest

from api_service.generation_requests import list as listing
from schemas.api import GenerationRequestSummary
from schemas.states import Status
from shared.postgres.database import Database
from shared.sql import Statement
from tests.services import api_settings
from tests.stack import Stack
from tests.support.api import Json, api_told, faults_of, problem_of
from tests.support.client import read, submit
from tests.support.requests import Claimer, a_failure, a_request, a_success, recorded

LIST = "/generation-requests"


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with api_told(api_settings(stack)) as client:
        yield client


async def page(api: httpx.AsyncClient, **parameters: str | int) -> Json:
    answer = await api.get(LIST, params=parameters)
    assert answer.status_code == 200, answer.text
    listed: Json = answer.json()
    assert [*listed] == ["data", "next_cursor", "has_more"]
    assert listed["has_more"] == (listed["next_cursor"] is not None)
    return listed


async def walked(api: httpx.AsyncClient, **parameters: str | int) -> list[list[str]]:
    """Return the ids of each page, from the first to the last."""
    pages = [await page(api, **parameters)]
    while (cursor := pages[-1]["next_cursor"]) is not None:
        pages.append(await page(api, cursor=cursor, **parameters))
    return [[request["request_id"] for request in listed["data"]] for listed in pages]


async def some_requests(database: Database, count: int) -> list[str]:
    """Insert requests and return their ids, newest first; two at a time are of the same time."""
    ids = [str(await a_request(database, age=1000.0 - number)) for number in range(count)]
    await database.execute(
        """UPDATE generation_requests AS request SET requested_at = timestamptz '2026-11-21'
              + make_interval(secs => (number - 1) / 2)
             FROM (SELECT id, row_number() OVER (ORDER BY id) AS number
                     FROM generation_requests) AS numbered
            WHERE numbered.id = request.id"""
    )
    return sorted(ids, reverse=True)


async def settle(database: Database, request_id: UUID, *, failures: int, successes: int) -> None:
    claim = await Claimer(database).claim(request_id)
    for ordinal in range(failures + successes):
        outcome = a_failure("refused") if ordinal < failures else a_success()
        await recorded(database, claim, ordinal, outcome)


# What is shown


async def test_nothing_is_a_page_too(api: httpx.AsyncClient):
    assert await page(api) == {"data": [], "next_cursor": None, "has_more": False}


async def test_a_list_shows_each_record_without_what_was_made_and_what_failed(
    api: httpx.AsyncClient, database: Database
):
    path = await submit(api, count=2, metadata={"lesson": 12}, priority="low")
    await settle(database, UUID(path.rpartition("/")[2]), failures=1, successes=1)
    record = await read(api, path)

    (summary,) = (await page(api))["data"]

    assert [*summary] == [*GenerationRequestSummary.model_fields]
    assert {*record} - {*summary} == {"entities", "failures", "last_failure", "dead_letter"}
    assert summary == {name: record[name] for name in summary}
    assert summary["error"]["code"] == "refused"


async def test_a_list_is_not_kept_by_caches(api: httpx.AsyncClient):
    assert (await api.get(LIST)).headers["Cache-Control"] == "no-store"


# Pages


async def test_twenty_are_shown_newest_first_unless_told_otherwise(
    api: httpx.AsyncClient, database: Database
):
    ids = await some_requests(database, 25)

    assert await walked(api) == [ids[:20], ids[20:]]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
async def test_a_walk_shows_each_request_once(
    api: httpx.AsyncClient, database: Database, limit: int
):
    ids = await some_requests(database, 7)

    pages = await walked(api, limit=limit)

    assert [*chain(*pages)] == ids
    assert all(len(listed) == limit for listed in pages[:-1])
    assert pages[-1]


async def test_a_page_that_ends_with_the_list_has_no_next(
    api: httpx.AsyncClient, database: Database
):
    await some_requests(database, 20)

    assert not (await page(api))["has_more"]


async def test_what_arrives_during_a_walk_neither_repeats_nor_hides_what_was_there(
    api: httpx.AsyncClient, database: Database
):
    ids = await some_requests(database, 7)
    listed = await page(api, limit=2)
    seen = [request["request_id"] for request in listed["data"]]
    while listed["has_more"]:
        for _ in range(3):
            await submit(api)
        listed = await page(api, limit=2, cursor=listed["next_cursor"])
        seen += [request["request_id"] for request in listed["data"]]

    assert seen == ids


async def test_pages_of_one_walk_may_differ_in_length(api: httpx.AsyncClient, database: Database):
    ids = await some_requests(database, 7)

    first = await page(api, limit=3)
    second = await page(api, limit=100, cursor=first["next_cursor"])

    assert [request["request_id"] for request in second["data"]] == ids[3:]


# Filters


@pytest.fixture
async def one_of_each(database: Database) -> dict[str, str]:
    """A request of each status, and which it is."""
    made = {}
    for status, (failures, successes) in {
        "completed": (0, 2),
        "partial": (1, 1),
        "failed": (2, 0),
    }.items():
        request_id = await a_request(database, count=2)
        await settle(database, request_id, failures=failures, successes=successes)
        made[status] = str(request_id)
    processing = await a_request(database)
    await Claimer(database).claim(processing)
    pending, cancelled = await a_request(database), await a_request(database)
    await database.execute(
        """UPDATE generation_requests SET status = 'cancelled', completed_at = clock_timestamp()
            WHERE id = $1""",
        cancelled,
    )
    others = {"processing": processing, "pending": pending, "cancelled": cancelled}
    return made | {status: str(request_id) for status, request_id in others.items()}


@pytest.mark.parametrize("status", Status)
async def test_only_requests_of_a_status_are_listed(
    api: httpx.AsyncClient, one_of_each: dict[str, str], status: Status
):
    assert await walked(api, status=status) == [[one_of_each[status]]]
    assert await walked(api, status=status, entity_type="sentence") == [[one_of_each[status]]]


@pytest.mark.parametrize("status", Status)
async def test_a_walk_through_a_status_shows_each_request_once(
    api: httpx.AsyncClient, database: Database, one_of_each: dict[str, str], status: Status
):
    """Every statement has the same order and the same cursor."""
    await database.execute(
        """INSERT INTO generation_requests
           SELECT (jsonb_populate_record(request, jsonb_build_object(
                      'id', gen_random_uuid(), 'requested_at',
                      request.requested_at - make_interval(secs => number / 2)))).*
             FROM generation_requests AS request, generate_series(1, 6) AS number
            WHERE id = $1""",
        one_of_each[status],
    )

    pages = await walked(api, status=status, limit=3)

    rows = await database.fetch(
        """SELECT id FROM generation_requests WHERE status = $1
            ORDER BY requested_at DESC, id DESC""",
        status,
    )
    assert [len(listed) for listed in pages] == [3, 3, 1]
    assert [*chain(*pages)] == [str(row["id"]) for row in rows]


async def test_only_requests_of_an_entity_type_are_listed(
    api: httpx.AsyncClient, database: Database
):
    request_id = await a_request(database)
    await a_request(database, entity_type="of_another_release")

    assert await walked(api, entity_type="sentence") == [[str(request_id)]]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=PENDING", "status"),
        ("status=pending&status=failed", "status"),
        ("entity_type=sentences", "entity_type"),
        ("entity_type=", "entity_type"),
        *(
            (f"limit={limit}", "limit")
            for limit in (0, 101, -1, "", "ten", "2.5", "1.0", "1_0", "%2B1", "9" * 5000)
        ),
        ("limit=1&limit=1", "limit"),
        ("limit=%00", "limit"),
        ("status=%ff", "status"),
        ("state=failed", "state"),
        ("limit%00=1", "limit\ufffd"),
        ("%ff=1", ""),
        *((f"cursor={cursor}", "cursor") for cursor in ("", "null", "0", "%C3%A9", "A" * 600)),
    ],
    ids=lambda value: value[:30],
)
async def test_what_cannot_be_asked_is_refused(
    api: httpx.AsyncClient, database: Database, query: str, parameter: str
):
    await a_request(database)

    assert [*faults_of(await api.get(f"{LIST}?{query}"))] == [parameter]


async def test_a_cursor_of_other_filters_is_refused(api: httpx.AsyncClient, database: Database):
    await some_requests(database, 3)
    cursor = (await page(api, limit=1))["next_cursor"]

    for filters in ({"status": "pending"}, {"entity_type": "sentence"}):
        answer = await api.get(LIST, params={"cursor": cursor, **filters})
        assert problem_of(answer, 422)["code"] == "invalid_cursor"
        assert [*faults_of(answer)] == ["cursor"]


# Plans

HISTORY = """
INSERT INTO generation_requests
    (id, entity_type, status, requested_count, generated_count, failed_count, requested_at,
     deadline_at, completed_at, error_code, traceparent)
SELECT gen_random_uuid(), 'sentence',
       CASE number % 1000 WHEN 0 THEN 'failed' ELSE 'completed' END, 1,
       (number % 1000 <> 0)::int, (number % 1000 = 0)::int, at, at, at,
       CASE number % 1000 WHEN 0 THEN 'refused' END, '00-1-1-00'
  FROM (SELECT number, clock_timestamp() - make_interval(secs => number) AS at
          FROM generate_series(1, 100000) AS number) AS past"""


WAITING = """
WITH waiting AS (
    INSERT INTO generation_requests
        (id, entity_type, requested_count, deadline_at, traceparent)
    SELECT gen_random_uuid(), 'sentence', 1, 'infinity', '00-1-1-00' FROM generate_series(1, 2000)
    RETURNING id
)
INSERT INTO provider_calls
    (generation_request_id, call_id, ordinal, round, epoch, provider, outcome, seconds,
     received_bytes)
SELECT id, gen_random_uuid(), 0, 1, 1, 'demo', 'ok', 1, 1 FROM waiting"""


async def plan(database: Database, statement: Statement, status: str | None) -> str:
    """Return the generic plan: the one that has to do for every caller."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(
            f"PREPARE asked(text, text, timestamptz, uuid, int) AS {statement.text}"
        )
        try:
            quoted = "NULL" if status is None else f"'{status}'"
            rows = await connection.fetch(
                f"EXPLAIN (ANALYZE) EXECUTE asked({quoted}, NULL, NULL, NULL, 21)"
            )
        finally:
            await connection.execute("DEALLOCATE asked")
    return "\n".join(row[0] for row in rows)


async def test_among_a_hundred_thousand_no_page_reads_what_it_does_not_show(database: Database):
    """Measured with these rows: 0.05 ms each; without their indexes 13 to 33 ms."""
    await database.execute(HISTORY)
    for number in range(5):
        await a_request(database, age=float(number))
    await database.execute("VACUUM ANALYZE generation_requests")

    newest = await plan(database, listing.LIST, None)
    failed = await plan(database, listing.LIST_UNFULFILLED, "failed")
    pending = await plan(database, listing.LIST_OPEN, "pending")

    assert "using generation_requests_newest" in newest, newest
    assert "using generation_requests_unfulfilled" in failed, failed
    assert "Seq Scan on generation_requests" not in pending, pending
    assert "Rows Removed by Filter" not in newest + failed + pending, newest + failed + pending


async def test_the_calls_of_a_page_are_added_up_and_no_others(database: Database):
    await database.execute(WAITING)
    await database.execute("VACUUM ANALYZE generation_requests, provider_calls")

    for statement, status in ((listing.LIST, None), (listing.LIST_OPEN, "pending")):
        shown = await plan(database, statement, status)
        (loops,) = re.findall(r"on provider_calls .*loops=(\d+)", shown)
        assert int(loops) <= 21, shown
