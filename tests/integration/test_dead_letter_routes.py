"""Dead letters over HTTP."""

from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from schemas.dead_letters import DeadLetter, DeadLetterPage, Reason
from shared.postgres.database import Database
from tests.services import api_settings
from tests.stack import Stack
from tests.support.api import Json, api_told, faults_of, problem_of
from tests.support.client import read
from tests.support.requests import KAFKA_NAMES, Claimer, a_failure, a_request, a_success, recorded
from worker_service.settlement.poison import Poison, dead_letter_record

pytestmark = pytest.mark.usefixtures("balanced")

POISON = Poison(
    topic="generation-requests.normal",
    partition=1,
    offset=0,
    reason=Reason.UNREADABLE,
    error="expected JSON",
    key=b"k",
    value=b"\x00\xff",
    headers=[("h", "é".encode()), ("h", None), ("", b"")],
)


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with api_told(api_settings(stack, api_prefix="/v1"), with_kafka=False) as client:
        client.base_url = client.base_url.join("/v1")
        yield client


async def a_poison(database: Database, offset: int = 0, **changes: Any) -> None:
    await dead_letter_record(
        database, replace(POISON, offset=offset, **changes), kafka_names=KAFKA_NAMES
    )


async def a_failed_request(database: Database) -> UUID:
    claim = await Claimer(database).claim(await a_request(database, count=2))
    await recorded(database, claim, 0, a_success())
    await recorded(database, claim, 1, a_failure("refused"))
    return claim.request_id


async def listed(api: httpx.AsyncClient, **query: Any) -> Json:
    answer = await api.get("/dead-letters", params=query)
    assert answer.status_code == 200, answer.text
    DeadLetterPage.model_validate(answer.json())
    page: Json = answer.json()
    return page


async def test_without_letters_there_is_an_empty_page(api: httpx.AsyncClient):
    assert await listed(api) == {"data": [], "next_cursor": None, "has_more": False}


async def test_the_newest_letter_comes_first(api: httpx.AsyncClient, database: Database):
    await a_poison(database, 1)
    request_id = await a_failed_request(database)
    await a_poison(database, 2)

    page = await listed(api)

    assert [letter["offset"] for letter in page["data"]] == [2, None, 1]
    assert page["data"][1]["request_id"] == str(request_id)


async def test_pages_follow_each_other_without_gap_or_overlap(
    api: httpx.AsyncClient, database: Database
):
    for offset in range(7):
        await a_poison(database, offset)
    await database.execute("UPDATE dead_letters SET created_at = now() WHERE kafka_offset < 5")

    seen: list[list[int]] = []
    cursor: Json = {}
    while True:
        page = await listed(api, limit=3, **cursor)
        seen.append([letter["offset"] for letter in page["data"]])
        if not page["has_more"]:
            break
        await a_poison(database, 100 + len(seen))  # a newer one shifts nothing
        cursor = {"cursor": page["next_cursor"]}

    assert [len(offsets) for offsets in seen] == [3, 3, 1]
    assert sorted(offset for offsets in seen for offset in offsets) == [*range(7)]
    assert page["next_cursor"] is None


async def test_a_page_has_twenty_letters_unless_told_otherwise(
    api: httpx.AsyncClient, database: Database
):
    for offset in range(21):
        await a_poison(database, offset)

    assert len((await listed(api))["data"]) == 20
    assert (await listed(api, limit=21))["has_more"] is False


async def test_letters_are_filtered_by_reason_and_request(
    api: httpx.AsyncClient, database: Database
):
    await a_poison(database)
    request_id = await a_failed_request(database)
    await a_failed_request(database)

    by_reason = await listed(api, reason="unreadable")
    by_request = await listed(api, request_id=request_id)
    by_both = await listed(api, request_id=request_id, reason="unreadable")

    assert [letter["reason"] for letter in by_reason["data"]] == ["unreadable"]
    assert [letter["request_id"] for letter in by_request["data"]] == [str(request_id)]
    assert by_both["data"] == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"reason": "bad luck"}, "reason"),
        ({"reason": "\x00"}, "reason"),
        ({"request_id": "me"}, "request_id"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "\x00"}, "cursor"),
        ({"cursor": "WyJhIiwgImIiXQ"}, "cursor"),
    ],
    ids=repr,
)
async def test_a_query_that_does_not_fit_is_a_problem(
    api: httpx.AsyncClient, query: dict[str, Any], parameter: str
):
    assert [*faults_of(await api.get("/dead-letters", params=query))] == [parameter]


async def letter_of(api: httpx.AsyncClient, **query: Any) -> Json:
    """Read the one letter of a query, by the address that the page gives."""
    (summary,) = (await listed(api, **query))["data"]
    answer = await api.get(f"http://test{summary['urls']['self']}")
    assert answer.status_code == 200, answer.text
    letter: Json = DeadLetter.model_validate(answer.json()).model_dump(mode="json")
    assert summary.items() <= letter.items()
    return letter


async def test_a_letter_shows_its_record_byte_for_byte(api: httpx.AsyncClient, database: Database):
    await a_poison(database)

    record = (await letter_of(api))["record"]

    assert record["key"] == {"base64": "aw==", "text": "k"}
    assert b64decode(record["value"]["base64"]) == POISON.value
    assert record["value"]["text"] is None
    assert record["headers"] == [
        {"name": "h", "value": {"base64": "w6k=", "text": "é"}},
        {"name": "h", "value": None},
        {"name": "", "value": {"base64": "", "text": ""}},
    ]


async def test_null_empty_and_unknown_are_told_apart(api: httpx.AsyncClient, database: Database):
    await a_poison(database, key=None, value=b"", headers=[])
    await a_poison(database, reason=Reason.UNDECODABLE, key=None, value=None, headers=None)

    read_one = await letter_of(api, reason="unreadable")
    unknown = await letter_of(api, reason="undecodable")

    empty = {"base64": "", "text": ""}
    assert read_one["record"] == {"key": None, "value": empty, "headers": []}
    assert unknown["record"] is None


async def test_a_request_and_its_letter_lead_to_each_other(
    api: httpx.AsyncClient, database: Database
):
    request_id = await a_failed_request(database)

    letter = await letter_of(api)

    assert letter["urls"]["request"] == f"/v1/generation-requests/{request_id}"
    record = await read(api, f"http://test{letter['urls']['request']}")
    assert record["dead_letter"] == {"id": letter["id"], "reason": "items_failed"}
    assert (letter["failed_ordinals"], letter["error_code"]) == ([1], "refused")


async def test_a_request_that_is_open_again_shows_no_letter_of_an_older_round(
    api: httpx.AsyncClient, database: Database
):
    request_id = await a_failed_request(database)
    await database.execute(
        """UPDATE generation_requests
              SET status = 'pending', completed_at = NULL, error_code = NULL,
                  failed_count = 0, round = 2"""
    )
    await database.execute("DELETE FROM generation_items WHERE status = 'failed'")

    assert (await read(api, f"/generation-requests/{request_id}"))["dead_letter"] is None
    assert len((await listed(api, request_id=request_id))["data"]) == 1


async def test_a_request_that_made_everything_has_no_letter(
    api: httpx.AsyncClient, database: Database
):
    claim = await Claimer(database).claim(await a_request(database))
    await recorded(database, claim, 0, a_success())

    record = await read(api, f"/generation-requests/{claim.request_id}")
    assert record["dead_letter"] is None


async def test_an_id_in_capital_letters_is_the_same_id(api: httpx.AsyncClient, database: Database):
    request_id = str(await a_failed_request(database)).upper()
    (letter,) = (await listed(api, request_id=request_id))["data"]
    dead_letter_id = letter["id"].upper()

    assert (await read(api, f"/dead-letters/{dead_letter_id}"))["id"] == letter["id"]
    assert letter["request_id"] == request_id.lower()


async def test_a_letter_that_there_is_not_is_a_problem(api: httpx.AsyncClient):
    problem_of(await api.get(f"/dead-letters/{uuid4()}"), 404)
    assert [*faults_of(await api.get("/dead-letters/me"))] == ["letter_id"]
