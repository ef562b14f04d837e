"""A worker is met by a signal at a named point: what that costs, call by call."""

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from shared.postgres.database import Database
from tests.support import invariants
from tests.support.client import settled, submit
from tests.support.crash_points import Point
from tests.support.model_server import Item, Model, Script, Verdict, model_served
from tests.support.model_workers import ModelWorker, beginner, meet_during_call
from tests.support.processes import Services
from tests.support.requests import row_of
from tests.support.waiting import eventually

TAG = "one"


@dataclass
class Bench:
    """The model, and the workers that ask it."""

    services: Services
    url: str
    model: Model
    workers: list[ModelWorker] = field(default_factory=list)

    async def worker(self) -> ModelWorker:
        """Start one more worker that does one thing at a time."""
        name = f"worker-{len(self.workers)}"
        orders, begin = beginner(
            self.services,
            name,
            model_url=self.url,
            max_parallel_items_per_request=1,
            lease_seconds=2,
        )
        worker = ModelWorker(name=name, orders=orders, begin=begin)
        self.workers.append(worker)
        await worker.service.ready()
        return worker

    def calls_for(self, ordinal: int) -> int:
        return sum(call.item == Item(TAG, ordinal) for call in self.model.calls)


@pytest.fixture
async def script() -> dict[int, Script]:
    """How the model answers, by ordinal; what is not told is answered well."""
    return {}


@pytest.fixture
async def bench(services: Services, script: dict[int, Script]) -> AsyncIterator[Bench]:
    model = Model(script_of=lambda item: script.get(item.ordinal, (Verdict.GOOD,)))
    async with model_served(model) as url:
        made = Bench(services, url, model)
        model.arrived = lambda call: meet_during_call(made.workers, call)
        yield made


CALLS_AFTER_A_KILL = {
    Point.BEFORE_CLAIM: [1, 1],
    Point.AFTER_CLAIM: [1, 1],
    Point.DURING_CALL: [2, 1],
    Point.AFTER_CALL: [2, 1],
    Point.AFTER_LAST_ITEM: [1, 1],
}


@pytest.mark.parametrize("point", Point)
async def test_a_killed_worker_costs_the_call_that_was_in_its_hands(
    point: Point, bench: Bench, api: httpx.AsyncClient, database: Database
):
    doomed = await bench.worker()
    doomed.orders.give(point, signal.SIGKILL)
    path = await submit(api, count=2, constraints={"topic_tags": [TAG]})
    assert await doomed.service.exit_status() == -signal.SIGKILL

    await bench.worker()

    assert (await settled(api, path, within=40))["status"] == "completed"
    assert [bench.calls_for(0), bench.calls_for(1)] == CALLS_AFTER_A_KILL[point]
    assert (await settled(api, path))["usage"]["calls"] == 2  # all but the one in its hands
    await invariants.check_relayed(database)


@pytest.mark.parametrize("point", Point)
async def test_a_worker_that_is_told_to_leave_costs_no_call(
    point: Point, bench: Bench, api: httpx.AsyncClient, database: Database
):
    leaving = await bench.worker()
    leaving.orders.give(point, signal.SIGTERM)
    path = await submit(api, count=2, constraints={"topic_tags": [TAG]})
    assert await leaving.service.exit_status() == 0

    await bench.worker()

    assert (await settled(api, path, within=40))["status"] == "completed"
    assert [bench.calls_for(0), bench.calls_for(1)] == [1, 1]
    assert (await settled(api, path))["usage"]["calls"] == 2
    assert (await row_of(database, path.rpartition("/")[2]))["crashes"] == 0
    await invariants.check_relayed(database)


async def _is_taken_over(database: Database, path: str) -> bool:
    return bool((await row_of(database, path.rpartition("/")[2]))["epoch"] > 1)


async def _stopped_with_a_result(bench: Bench, api: httpx.AsyncClient) -> tuple[ModelWorker, str]:
    """Stop a worker between its call and its record, and return it with its request's path."""
    zombie = await bench.worker()
    zombie.orders.give(Point.AFTER_CALL, signal.SIGSTOP)
    path = await submit(api, count=1, constraints={"topic_tags": [TAG]})
    await eventually(lambda: zombie.orders.is_taken)
    return zombie, path


async def test_a_zombie_changes_nothing_about_what_was_settled_without_it(
    bench: Bench, api: httpx.AsyncClient, database: Database
):
    zombie, path = await _stopped_with_a_result(bench, api)
    await bench.worker()
    before = await settled(api, path, within=40)

    zombie.send(signal.SIGCONT)

    log = zombie.service.log
    await eventually(lambda: "late_result_dropped" in log.read_text(encoding="utf-8"))
    after = await settled(api, path)
    assert (before["usage"]["calls"], after["usage"]["calls"]) == (1, bench.calls_for(0)) == (1, 2)
    assert {**after, "usage": None} == {**before, "usage": None}
    await invariants.check_relayed(database)


async def test_the_result_of_a_zombie_is_kept_while_its_successor_is_still_at_work(
    bench: Bench, api: httpx.AsyncClient, database: Database, script: dict[int, Script]
):
    script[0] = (Verdict.GOOD, Verdict.HUNG)
    zombie, path = await _stopped_with_a_result(bench, api)
    await bench.worker()
    await eventually(lambda: _is_taken_over(database, path), within=40)
    await eventually(lambda: bench.calls_for(0) > 1)

    zombie.send(signal.SIGCONT)

    assert (await settled(api, path))["status"] == "completed"
    await invariants.check_relayed(database)


async def test_the_verdict_of_a_zombie_does_not_fail_what_its_successor_makes(
    bench: Bench, api: httpx.AsyncClient, database: Database, script: dict[int, Script]
):
    script[0] = (Verdict.REFUSED, Verdict.HUNG, Verdict.GOOD)
    zombie, path = await _stopped_with_a_result(bench, api)
    await bench.worker()
    await eventually(lambda: _is_taken_over(database, path), within=40)

    zombie.send(signal.SIGCONT)

    assert (await settled(api, path, within=40))["status"] == "completed"
    await invariants.check_relayed(database)
