"""Rule 6.15: every call is recorded when it ends, and what an item may cost is bounded."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from uuid_utils.compat import uuid7

from shared.errors import REPETITIONS, ErrorCode
from shared.postgres.database import Database
from tests.services import StartWorker
from tests.support.client import read, settled, submit
from tests.support.maintenance import settle_all_due
from tests.support.providers import Scripted
from tests.support.requests import (
    KAFKA_NAMES,
    Claimer,
    a_request,
    a_success,
    row_of,
)
from tests.support.waiting import eventually
from worker_service.claims.circuit import Circuit
from worker_service.claims.claim import CallsMade, Claim
from worker_service.claims.release import release
from worker_service.providers import Call, Completion, TransientError
from worker_service.settlement.provider_calls import ProviderCall, record_calls
from worker_service.settlement.record import AlreadyFinal, Result, record


def a_call(claim: Claim, outcome: str = "ok", *, ordinal: int = 0, **changes: Any) -> ProviderCall:
    told = ProviderCall(
        generation_request_id=claim.request_id,
        call_id=uuid7(),
        ordinal=ordinal,
        round=claim.round,
        epoch=claim.epoch,
        provider=claim.provider,
        model="tiny",
        outcome=outcome,
        error_message=None if outcome in {"ok", "cancelled"} else f"it was {outcome}",
        input_tokens=11,
        output_tokens=7,
        reasoning_tokens=None,
        seconds=0.1,
        first_token_seconds=None,
        finish_reason=None,
        provider_request_id=None,
        received_bytes=0,
        reasoning=None,
    )
    return replace(told, **changes)


async def calls_of(database: Database, request_id: UUID | str) -> list[asyncpg.Record]:
    return await database.fetch(
        "SELECT * FROM provider_calls WHERE generation_request_id = $1 ORDER BY call_id", request_id
    )


def down() -> TransientError:
    return TransientError(ErrorCode.TIMEOUT, "nothing came")


def _id(path: str) -> str:
    return path.rpartition("/")[2]


async def claimed(database: Database, **told: Any) -> Claim:
    return await Claimer(database).claim(await a_request(database, **told))


# What is recorded


async def test_calls_are_recorded_with_their_item_once(database: Database):
    claim = await claimed(database, count=2)
    made = (a_call(claim, "timeout"), a_call(claim))
    result = Result(claim=claim, ordinal=0, outcome=a_success(), calls=made)

    for _ in range(2):
        await record(database, [result], kafka_names=KAFKA_NAMES)

    rows = await calls_of(database, claim.request_id)
    assert [(row["call_id"], row["outcome"]) for row in rows] == [
        (made[0].call_id, "timeout"),
        (made[1].call_id, "ok"),
    ]


async def test_the_calls_of_a_result_that_comes_too_late_are_recorded(database: Database):
    claim = await claimed(database, count=1)
    first = Result(claim=claim, ordinal=0, outcome=a_success())
    await record(database, [first], kafka_names=KAFKA_NAMES)
    late = Result(claim=claim, ordinal=0, outcome=a_success(), calls=(a_call(claim),))

    assert await record(database, [late], kafka_names=KAFKA_NAMES) == [AlreadyFinal()]

    assert len(await calls_of(database, claim.request_id)) == 1


async def test_calls_are_recorded_whose_request_is_gone(database: Database):
    claim = await claimed(database, count=1)
    await database.execute("DELETE FROM generation_requests")
    result = Result(claim=claim, ordinal=0, outcome=a_success(), calls=(a_call(claim),))

    await record(database, [result], kafka_names=KAFKA_NAMES)
    await record_calls(database, [(a_call(claim), a_call(claim))])

    assert len(await calls_of(database, claim.request_id)) == 3


async def test_a_failed_call_is_recorded_before_it_is_repeated(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    provider = Scripted()

    def behave(_: Call) -> Exception | None:
        if len(provider.calls) > 1:
            return None
        provider.gate.clear()
        return down()

    provider.behave = behave
    await start_worker(provider)
    path = await submit(api)
    await eventually(lambda: provider.waiting)

    record_ = await read(api, path)

    assert (record_["status"], record_["usage"]["calls"]) == ("processing", 1)
    assert record_["last_failure"]["message"] == "nothing came"
    provider.gate.set()
    assert (await settled(api, path))["last_failure"] is None


async def test_the_calls_of_a_deferred_attempt_are_counted_and_their_last_failure_is_shown(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    waits = iter([0.0])
    provider = Scripted(
        lambda _: TransientError(ErrorCode.RATE_LIMITED, "slow", retry_after=next(waits, 61.0))
    )
    await start_worker(provider, call_attempts=2)
    path = await submit(api, model="small")

    async def released() -> Any:
        told = await read(api, path)
        return told if told["status"] == "pending" and told["started_at"] else None

    told = await eventually(released)
    assert told["usage"]["calls"] == len(provider.calls) == 2
    assert {**told["last_failure"], "at": None} == {
        "code": "rate_limited",
        "message": "slow",
        "at": None,
        "provider": "demo",
        "model": "small",
        "calls": 2,
    }


async def test_a_call_that_a_cancelled_run_ends_is_recorded_as_cancelled(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    provider = Scripted()
    provider.gate.clear()
    await start_worker(provider)
    path = await submit(api)
    await eventually(lambda: provider.waiting)

    await database.execute(
        """UPDATE generation_requests SET epoch = epoch + 1, status = 'cancelled',
                  completed_at = now(), lease_owner = NULL, lease_until = NULL"""
    )

    async def recorded() -> list[str]:
        return [row["outcome"] for row in await calls_of(database, _id(path))]

    assert await eventually(recorded) == ["cancelled"]
    assert (await read(api, path))["usage"]["calls"] == 1


async def test_a_request_costs_what_all_its_calls_took(api: httpx.AsyncClient, database: Database):
    claim = await claimed(database, count=2)
    await record_calls(
        database,
        [
            (a_call(claim, "timeout", input_tokens=None),),
            (a_call(claim, ordinal=1, output_tokens=2**31 - 1, reasoning_tokens=5),),
            (a_call(claim, "cancelled", ordinal=1),),
        ],
    )

    spent = {
        "calls": 3,
        "input_tokens": 22,
        "output_tokens": 2**31 - 1 + 14,
        "reasoning_tokens": 5,
    }
    assert (await read(api, f"/generation-requests/{claim.request_id}"))["usage"] == spent
    (listed,) = (await api.get("/generation-requests")).json()["data"]
    assert listed["usage"] == spent


async def test_a_failure_is_shown_until_its_item_is_made(
    api: httpx.AsyncClient, database: Database
):
    claim = await claimed(database, count=2)
    path = f"/generation-requests/{claim.request_id}"
    await record_calls(database, [(a_call(claim, "timeout"),)])
    assert (await read(api, path))["last_failure"]["code"] == "timeout"

    made = Result(claim=claim, ordinal=0, outcome=a_success())
    await record(database, [made], kafka_names=KAFKA_NAMES)

    assert (await read(api, path))["last_failure"] is None


# What an item may cost


async def test_a_claim_knows_the_calls_of_each_missing_item(database: Database):
    claimer = Claimer(database)
    claim = await claimer.claim(await a_request(database, count=3))
    await record_calls(
        database,
        [
            (a_call(claim, "timeout"), a_call(claim, "rate_limited"), a_call(claim, "cancelled")),
            (a_call(claim, ordinal=1), a_call(claim, ordinal=2, round=claim.round + 1)),
        ],
    )
    made = Result(claim=claim, ordinal=1, outcome=a_success())
    await record(database, [made], kafka_names=KAFKA_NAMES)
    await release(database, claim, after_seconds=0, counted=0)
    claimer.running.clear()

    again = await claimer.claim(claim.request_id)

    assert again.called == {0: CallsMade(3, 3, "rate_limited", "it was rate_limited")}


async def test_a_claim_counts_apart_what_uses_nothing_up(database: Database):
    claimer = Claimer(database)
    claim = await claimer.claim(await a_request(database, count=1))
    outcomes = ("cancelled", "timeout", "auth", "quota_exhausted", "misconfigured")
    made = [a_call(claim, outcome) for outcome in (*outcomes, *REPETITIONS)]
    free = [replace(call, output_tokens=None) for call in made]
    paid = replace(a_call(claim, "auth"), output_tokens=3)
    await record_calls(database, [(paid, *free)])
    await release(database, claim, after_seconds=0, counted=0)
    claimer.running.clear()

    again = await claimer.claim(claim.request_id)

    assert again.called == {0: CallsMade(8, 3, "misconfigured", "it was misconfigured")}


async def test_a_call_that_is_made_again_at_once_is_shown_as_no_failure(
    api: httpx.AsyncClient, database: Database
):
    claim = await claimed(database, count=1, deadline_in=-1)
    path = f"/generation-requests/{claim.request_id}"
    await record_calls(database, [(a_call(claim, "timeout"), a_call(claim, "form_refused"))])

    told = await read(api, path)
    assert (told["last_failure"]["code"], told["last_failure"]["calls"]) == ("timeout", 2)

    await settle_all_due(database, take_over_until=None)
    assert (await read(api, path))["error"]["message"].endswith("timeout: it was timeout")


async def test_an_item_fails_once_it_has_cost_as_much_as_it_may(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    """Over several attempts and releases, with a provider that never answers."""
    provider = Scripted(lambda _: TransientError(ErrorCode.TIMEOUT, "late again", retry_after=0))
    await start_worker(
        provider, call_attempts=2, max_calls_per_item=5, breaker_failures=1, breaker_seconds=0.05
    )

    record_ = await settled(api, await submit(api))

    (failure,) = record_["failures"]
    assert (failure["code"], failure["attempts"]) == ("timeout", 5)
    assert failure["message"].endswith("the last failure: late again")
    assert record_["usage"]["calls"] == len(provider.calls) == 5


async def test_an_item_that_has_cost_its_bound_already_is_not_called_for_again(
    api: httpx.AsyncClient, start_worker: StartWorker, database: Database
):
    claimer = Claimer(database)
    claim = await claimer.claim(await a_request(database, count=1))
    await record_calls(database, [tuple(a_call(claim, "timeout") for _ in range(3))])
    await release(database, claim, after_seconds=0, counted=0)
    provider = Scripted()
    await start_worker(provider, max_calls_per_item=3)

    record_ = await settled(api, f"/generation-requests/{claim.request_id}")

    assert (record_["error"]["code"], record_["failures"][0]["attempts"]) == ("timeout", 3)
    assert provider.calls == []


async def test_invalid_output_is_not_asked_for_again_beyond_the_bound(
    api: httpx.AsyncClient, start_worker: StartWorker
):
    provider = Scripted(lambda _: Completion(text="no JSON"))
    await start_worker(provider, max_calls_per_item=2, invalid_output_attempts=3)

    record_ = await settled(api, await submit(api))

    assert record_["error"]["code"] == "invalid_output"
    assert len(provider.calls) == 2


async def test_the_deadline_names_what_the_calls_failed_with(database: Database):
    request_id = await a_request(database, count=2, deadline_in=-1)
    claim = await Claimer(database, lease_seconds=60).claim(request_id)
    await record_calls(
        database, [(a_call(claim, "timeout"), a_call(claim, "bad_request"), a_call(claim))]
    )

    await settle_all_due(database, take_over_until=None)

    row = await row_of(database, request_id)
    assert row["error_message"] == (
        "2 of 2 items failed: The deadline passed before the item was made. "
        "The last call that failed: bad_request: it was bad_request"
    )
    items = await database.fetch("SELECT attempts FROM generation_items ORDER BY ordinal")
    assert [item["attempts"] for item in items] == [3, 0]


async def test_probes_take_turns_over_the_waiting_requests(database: Database):
    claimer = Claimer(database)
    requests = [await a_request(database, age=100 - n) for n in range(3)]
    circuit = Circuit(provider="demo", model=None, policy=claimer.breakers.policy)
    probed = []

    for _ in range(6):
        (request_id,) = await claimer.claim_any(1, pending_seconds=0, probed=circuit)
        probed.append(request_id)
        await release(database, claimer.started[-1], after_seconds=0, counted=0)
        claimer.running.clear()

    assert probed == requests * 2
