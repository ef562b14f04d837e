"""What callers see: a request is accepted, dispatched, and can be read."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from schemas.api import GenerationRequest
from schemas.states import Priority
from shared.postgres.database import Database
from tests.services import api_settings
from tests.stack import Stack
from tests.support.api import Json, api_told, faults_of, problem_of
from tests.support.client import read, submit
from tests.support.records import read_topics
from tests.support.requests import Claimer, a_failure, a_success, recorded, row_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("balanced")

UNKNOWN = "/generation-requests/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
IDENTITY = {"entity_type": "sentence"}

Post = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """An API service that has reached Kafka."""
    async with api_told(api_settings(stack)) as client:
        yield client


@pytest.fixture(params=["/generation-requests", "/sentences/generate"])
def post(request: pytest.FixtureRequest, api: httpx.AsyncClient) -> Post:
    """Submit by each of the two routes."""
    path: str = request.param
    typed = {} if path == "/sentences/generate" else IDENTITY

    async def post(headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        return await api.post(path, json={**typed, **body}, headers=headers)

    return post


async def accepted_count(database: Database) -> int:
    rows = await database.fetch("SELECT id FROM generation_requests")
    return len(rows)


def id_in(location: str) -> UUID:
    return UUID(location.rpartition("/")[2])


# Accept


async def test_a_submit_is_accepted_and_says_where_to_poll_and_when(post: Post):
    answer = await post(count=3)

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/generation-requests/{answer.json()['request_id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_typed_route_answers_as_document_4_has_it(api: httpx.AsyncClient):
    answer = await api.post("/sentences/generate", json={"count": 5, "constraints": {}})

    accepted = answer.json()
    UUID(accepted.pop("request_id"))
    assert accepted == {"message": "Generation request created", "count": 5, "status": "pending"}


async def test_the_general_route_answers_with_the_record_as_it_will_be_read(
    api: httpx.AsyncClient,
):
    answer = await api.post(
        "/generation-requests",
        json={
            "entity_type": "sentence",
            "count": 2,
            "constraints": {"tenses_used": ["imparfait"], "is_correct": True},
            "metadata": {"lesson": "12"},
            "priority": "low",
        },
    )

    assert answer.json() == await read(api, answer.headers["Location"])


async def test_one_entity_is_made_unless_told_otherwise(post: Post, api: httpx.AsyncClient):
    record = await read(api, (await post()).headers["Location"])

    assert (record["requested_count"], record["priority"]) == (1, "normal")
    assert (record["constraints"], record["metadata"]) == ({}, None)


async def test_ten_entities_may_be_asked_for(post: Post):
    assert (await post(count=10)).json()["status"] == "pending"


@pytest.mark.parametrize("count", [0, 11, -1, 2**62, "3", 2.5, True, None, [1]], ids=repr)
async def test_any_other_count_is_refused(post: Post, database: Database, count: Any):
    assert [*faults_of(await post(count=count))] == ["#/count"]
    assert await accepted_count(database) == 0


@pytest.mark.parametrize("entity_type", ["sentences", "", "Sentence", 1, None], ids=repr)
async def test_an_unknown_entity_type_is_refused(
    api: httpx.AsyncClient, database: Database, entity_type: Any
):
    answer = await api.post("/generation-requests", json={"entity_type": entity_type})

    assert [*faults_of(answer)] == ["#/entity_type"]
    assert await accepted_count(database) == 0


async def test_an_entity_type_is_needed(api: httpx.AsyncClient):
    answer = await api.post("/generation-requests", json={"count": 1})

    assert faults_of(answer) == {"#/entity_type": "Field required"}


@pytest.mark.parametrize(
    ("constraints", "place"),
    [
        ({"tenses_used": ["futur"]}, "#/constraints/tenses_used/0"),
        ({"tenses_used": ["present", "futur"]}, "#/constraints/tenses_used/1"),
        ({"verb_infinitives": "lire"}, "#/constraints/verb_infinitives"),
        ({"verb_infinitives": [" "]}, "#/constraints/verb_infinitives/0"),
        ({"verb_infinitives": ["lire"] * 21}, "#/constraints/verb_infinitives"),
        ({"is_correct": "yes"}, "#/constraints/is_correct"),
        ({"includes_cod": 1}, "#/constraints/includes_cod"),
        ({"target_language_code": "fr"}, "#/constraints/target_language_code"),
        ({"no/such~one": 1}, "#/constraints/no~1such~0one"),
        ([], "#/constraints"),
        (None, "#/constraints"),
    ],
    ids=repr,
)
async def test_constraints_are_validated_by_their_entity_type_before_acceptance(
    post: Post, database: Database, constraints: Any, place: str
):
    assert [*faults_of(await post(constraints=constraints))] == [place]
    assert await accepted_count(database) == 0


async def test_every_fault_is_told_at_once(post: Post):
    answer = await post(count=0, priority="urgent", metadata=[], surprise=1)

    assert {*faults_of(answer)} == {"#/count", "#/priority", "#/metadata", "#/surprise"}


async def test_constraints_are_kept_as_they_were_asked(post: Post, api: httpx.AsyncClient):
    asked = {"verb_infinitives": ["lire", "être"], "is_correct": False, "pronoun": None}

    record = await read(api, (await post(constraints=asked)).headers["Location"])

    assert record["constraints"] == asked


async def test_a_constraint_may_stand_in_both_places_with_one_value(api: httpx.AsyncClient):
    body = {"statement_count": 3, "constraints": {"statement_count": 3.0}}

    accepted = await api.post("/problems/generate", json=body)

    assert (await read(api, accepted.headers["Location"]))["constraints"] == {"statement_count": 3}


async def test_a_number_without_a_fraction_is_an_integer(post: Post, api: httpx.AsyncClient):
    record = await read(api, (await post(count=3.0)).headers["Location"])

    assert record["requested_count"] == 3


async def test_constraints_may_stand_beside_the_count(api: httpx.AsyncClient):
    body = {"count": 2, "statement_count": 3, "constraints": {"focus": "pronouns"}}

    accepted = await api.post("/problems/generate", json=body)

    record = await read(api, accepted.headers["Location"])
    assert record["requested_count"] == 2
    assert record["constraints"] == {"focus": "pronouns", "statement_count": 3}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"statement_count": 3, "constraints": {"statement_count": 4}}, "#/statement_count"),
        ({"statement_count": 7}, "#/statement_count"),
        ({"tenses_used": ["present", "futur"]}, "#/tenses_used/1"),
        ({"statements": 3}, "#/statements"),
        ({"pronoun": "je"}, "#/pronoun"),
    ],
)
async def test_a_constraint_given_twice_or_wrong_is_refused(
    api: httpx.AsyncClient, database: Database, body: Json, place: str
):
    assert [*faults_of(await api.post("/problems/generate", json=body))] == [place]
    assert await accepted_count(database) == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"é": '\u2028 😀 \\u0041 " \x7f', "": None},
        {"deep": [{"a": [1, 2.5, -0.125, True, False, None, ""]}]},
        {"largest": 2**63 - 1, "smallest": -(2**63), "float": 1.2345e37, "tiny": 5e-38},
    ],
    ids=["empty", "text", "nested", "numbers"],
)
async def test_metadata_are_given_back_as_they_are(
    post: Post, api: httpx.AsyncClient, metadata: Json
):
    record = await read(api, (await post(metadata=metadata)).headers["Location"])

    assert record["metadata"] == metadata


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"entity_type": "sentence", "count": 1, "count": 2}', "json", 422, "invalid_body"),
        (b'{"entity_type": "sentence", "metadata": {"a": 1e999}}', "json", 422, "invalid_body"),
        (b'{"entity_type": "sentence", "metadata": {"a": "\\u0000"}}', "json", 422, "invalid_body"),
        (b"{", "json", 422, "invalid_body"),
        (b"", "json", 422, "invalid_request"),
        (b"[]", "json", 422, "invalid_request"),
        (b"null", "json", 422, "invalid_request"),
        (b'{"entity_type": "sentence"}', "x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"entity_type": "sentence"}', "jsonp", 415, "unsupported_media_type"),
        (b'{"entity_type": "sentence"}', None, 415, "unsupported_media_type"),
    ],
)
async def test_a_body_that_is_no_strict_json_object_is_refused(
    api: httpx.AsyncClient,
    database: Database,
    body: bytes,
    content_type: str | None,
    status: int,
    code: str,
):
    headers = {"Content-Type": f"application/{content_type}"} if content_type else {}

    answer = await api.post("/generation-requests", content=body, headers=headers)

    assert problem_of(answer, status)["code"] == code
    assert await accepted_count(database) == 0


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/x+json"]
)
async def test_json_may_say_so_in_several_ways(api: httpx.AsyncClient, content_type: str):
    answer = await api.post(
        "/generation-requests", content=json.dumps(IDENTITY), headers={"Content-Type": content_type}
    )

    assert answer.status_code == 202


async def test_a_request_and_its_dispatch_are_written_by_one_statement(
    stack: Stack, database: Database
):
    """The system columns tell: xmin is the transaction, cmin the statement inside it."""
    without_kafka = replace(stack, kafka="127.0.0.1:1")
    async with api_told(api_settings(without_kafka), with_kafka=False) as api:
        path = await submit(api)
        written = await database.fetchrow(
            """SELECT request.xmin = outbox.xmin AS in_one_transaction,
                      request.cmin = outbox.cmin AS by_one_statement
                 FROM generation_requests AS request
                 JOIN outbox ON outbox.dispatch_request_id = request.id
                WHERE request.id = $1""",
            id_in(path),
        )

    assert written is not None
    assert (written["in_one_transaction"], written["by_one_statement"]) == (True, True)


# Dispatch


@pytest.mark.parametrize("priority", Priority)
async def test_a_request_is_dispatched_on_the_topic_of_its_priority(
    post: Post, stack: Stack, priority: Priority
):
    answer = await post(priority=priority)

    (record,) = await read_topics(stack.kafka, *stack.topics.requests.values(), count=1)
    assert record.topic == stack.topics.requests[priority]
    assert record.key == answer.json()["request_id"].encode()


async def test_a_dispatch_is_a_thin_cloud_event(post: Post, api: httpx.AsyncClient, stack: Stack):
    answer = await post({"traceparent": TRACE}, metadata={"long": "x" * 1000})
    accepted = await read(api, answer.headers["Location"])

    (record,) = await read_topics(stack.kafka, *stack.topics.requests.values(), count=1)
    request_id = answer.json()["request_id"]
    assert json.loads(record.value) == {"schema_version": 1, "generation_request_id": request_id}
    headers = dict(record.headers)
    UUID(headers.pop("ce_id").decode())
    assert len(record.headers) == len(headers) + 1
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_type": b"generation.requested.v1",
        "ce_source": b"/generation-service",
        "ce_subject": request_id.encode(),
        "ce_dataschema": b"urn:generation-service:schema:generation_requested.v1",
        "ce_time": accepted["requested_at"].encode(),
        "content-type": b"application/json",
        "traceparent": TRACE.encode(),
    }


async def test_the_trace_of_the_caller_is_kept(post: Post, database: Database):
    answer = await post({"traceparent": TRACE})

    row = await row_of(database, id_in(answer.headers["Location"]))
    assert row["traceparent"] == TRACE


@pytest.mark.parametrize("given", [None, "00-1-1-00", TRACE.upper(), TRACE + ", " + TRACE])
async def test_a_trace_is_started_where_none_is_well_formed(
    post: Post, stack: Stack, database: Database, given: str | None
):
    answer = await post({"traceparent": given} if given else None)

    row = await row_of(database, id_in(answer.headers["Location"]))
    (record,) = await read_topics(stack.kafka, *stack.topics.requests.values(), count=1)
    assert row["traceparent"] != given
    assert dict(record.headers)["traceparent"] == row["traceparent"].encode()


# Read


async def test_a_record_has_the_fields_of_the_contract_in_their_order(api: httpx.AsyncClient):
    record = await read(api, await submit(api))

    assert [*record] == [*GenerationRequest.model_fields]
    assert {*record} >= {
        *("request_id", "entity_type", "status", "requested_at", "started_at", "completed_at"),
        *("requested_count", "generated_count", "failed_count", "constraints", "metadata"),
        *("error_message", "entities"),
    }


async def test_a_pending_record_says_so(api: httpx.AsyncClient):
    path = await submit(api, count=2)

    record = await read(api, path)

    assert record.pop("requested_at").endswith("Z")
    assert record == {
        "request_id": str(id_in(path)),
        "entity_type": "sentence",
        "status": "pending",
        "started_at": None,
        "completed_at": None,
        "requested_count": 2,
        "generated_count": 0,
        "failed_count": 0,
        "constraints": {},
        "metadata": None,
        "error_message": None,
        "entities": [],
        "error": None,
        "failures": [],
        "last_failure": None,
        "dead_letter": None,
        "usage": {"calls": 0, "input_tokens": 0, "output_tokens": 0, "reasoning_tokens": 0},
        "priority": "normal",
        "provider": None,
        "model": None,
        "version": 1,
        "urls": {"self": path},
    }


async def test_a_settled_record_shows_what_was_made_and_what_was_not(
    api: httpx.AsyncClient, database: Database
):
    path = await submit(api, count=3)
    claim = await Claimer(database).claim(id_in(path))
    await recorded(database, claim, 2, a_success("Nous lisons."))
    await recorded(database, claim, 1, a_failure("refused"))
    await recorded(database, claim, 0, a_success("Elle rit."))

    record = await read(api, path)

    assert (record["status"], record["generated_count"], record["failed_count"]) == (
        "partial",
        2,
        1,
    )
    assert [entity["content"] for entity in record["entities"]] == ["Elle rit.", "Nous lisons."]
    assert record["failures"] == [
        {"ordinal": 1, "code": "refused", "message": "it would not fit", "attempts": 3}
    ]
    assert record["error"] == {
        "code": "refused",
        "message": record["error_message"],
        "retryable": False,
    }
    assert record["requested_at"] <= record["started_at"] <= record["completed_at"]
    assert record["provider"] == "demo"


async def test_a_poll_says_when_the_next_is_worth_while_until_there_is_nothing_to_wait_for(
    api: httpx.AsyncClient, database: Database
):
    path = await submit(api)
    pending = await api.get(path)
    claim = await Claimer(database).claim(id_in(path))
    processing = await api.get(path)
    await recorded(database, claim, 0, a_success())
    final = await api.get(path)

    assert int(pending.headers["Retry-After"]) >= 1
    assert int(processing.headers["Retry-After"]) >= 1
    assert "Retry-After" not in final.headers
    assert final.headers["Cache-Control"] == "private, no-cache"


async def test_an_id_in_capital_letters_is_the_same_record(api: httpx.AsyncClient):
    path = await submit(api)
    folder, _, request_id = path.rpartition("/")
    answers = [await api.get(path), await api.get(f"{folder}/{request_id.upper()}")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]


async def test_the_etag_changes_with_the_record_and_only_then(
    api: httpx.AsyncClient, database: Database
):
    path = await submit(api)
    tags = [(await api.get(path)).headers["ETag"] for _ in range(2)]
    claim = await Claimer(database).claim(id_in(path))
    tags += [(await api.get(path)).headers["ETag"] for _ in range(2)]
    await recorded(database, claim, 0, a_success())
    tags += [(await api.get(path)).headers["ETag"] for _ in range(2)]

    assert tags[::2] == tags[1::2]
    assert len({*tags}) == 3
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)


@pytest.mark.parametrize("given", ["{}", "W/{}", '"other", {}', '"other" ,W/{}', "*"])
async def test_a_record_that_the_caller_has_is_not_sent_again(api: httpx.AsyncClient, given: str):
    path = await submit(api)
    etag = (await api.get(path)).headers["ETag"]

    answer = await api.get(path, headers={"If-None-Match": given.format(etag)})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("given", ['"other"', "", "W/", '"{}"'])
async def test_a_record_that_the_caller_has_not_is_sent(api: httpx.AsyncClient, given: str):
    path = await submit(api)

    answer = await api.get(path, headers={"If-None-Match": given})

    assert answer.status_code == 200


async def test_a_condition_on_an_unknown_record_is_not_asked(api: httpx.AsyncClient):
    problem_of(await api.get(UNKNOWN, headers={"If-None-Match": "*"}), 404)


# Errors


async def test_an_unknown_request_is_not_found(api: httpx.AsyncClient):
    problem = problem_of(await api.get(UNKNOWN), 404)

    assert problem["code"] == "not_found"
    assert UNKNOWN.rpartition("/")[2] in problem["detail"]


async def test_an_id_that_is_none_is_refused(api: httpx.AsyncClient):
    answer = await api.get("/generation-requests/42")

    assert [*faults_of(answer)] == ["request_id"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/generation-requests/", "/problems%00/generate", UNKNOWN + "/x"]
)
async def test_an_unknown_route_is_not_found(api: httpx.AsyncClient, path: str):
    assert problem_of(await api.get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/generation-requests", "GET, HEAD, POST"),
        ("GET", "/sentences/generate", "POST"),
        ("DELETE", UNKNOWN, "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
    ],
)
async def test_another_method_is_refused_and_told_the_right_one(
    api: httpx.AsyncClient, method: str, path: str, allowed: str
):
    answer = await api.request(method, path)

    assert problem_of(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/generation-requests"])
async def test_head_is_answered_as_get_is_without_the_body(api: httpx.AsyncClient, path: str):
    same = {"X-Request-Id": "the-same"}
    head, get = await api.head(path, headers=same), await api.get(path, headers=same)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers == get.headers


async def test_head_of_what_has_no_get_is_refused(api: httpx.AsyncClient):
    answer = await api.head("/sentences/generate")

    assert (answer.status_code, answer.content) == (405, b"")
    assert answer.headers["Allow"] == "POST"


# The process


async def test_a_process_lives_and_is_ready(api: httpx.AsyncClient):
    async def ready() -> Json | None:
        answer = await api.get("/readyz")
        assert answer.status_code == 200
        body: Json = answer.json()
        return body if body["kafka"] == "up" else None

    assert (await api.get("/livez")).json() == {"status": "alive"}
    assert await eventually(ready) == {"status": "ready", "database": "up", "kafka": "up"}


async def test_the_api_is_documented_where_it_is_served(api: httpx.AsyncClient):
    docs = await api.get("/docs")

    assert docs.status_code == 200
    assert "'openapi.json'" in docs.text
    assert (await api.get("/openapi.json")).json()["openapi"].startswith("3.1")


async def test_everything_stands_under_the_prefix(stack: Stack):
    prefix = "/api/v1"
    async with api_told(api_settings(stack, api_prefix=prefix)) as api:
        accepted = await api.post(f"{prefix}/generation-requests", json=IDENTITY)
        location = accepted.headers["Location"]

        assert location == f"{prefix}/generation-requests/{accepted.json()['request_id']}"
        assert (await read(api, location))["urls"] == accepted.json()["urls"] == {"self": location}
        for path in ("/livez", "/readyz", "/docs", "/openapi.json"):
            assert (await api.get(prefix + path)).status_code == 200
            problem_of(await api.get(path), 404)
        problem_of(await api.post("/generation-requests", json=IDENTITY), 404)
