"""One seed: draw a plan, open an environment, inject the fault, repair, check the invariants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import httpx

from shared.postgres.database import Database
from tests.chaos.environment import Environment, environment_opened
from tests.chaos.faults import FAULTS, Fault, pick
from tests.chaos.load import KILLER, Load, draw_load
from tests.chaos.stalls import given_up
from tests.support.invariants import calls, ledger, over_http, tables, topics
from tests.support.invariants.calls import Waste
from tests.support.invariants.ledger import Comparison
from tests.support.model_server import Item
from tests.support.waiting import eventually

REQUESTS = 60
LOAD_SECONDS = 12.0
_FIRST_FAULT_SECONDS, _LAST_FAULT_SECONDS = 1.0, 8.0
_SETTLED_WITHIN_SECONDS = 120.0
_PUBLISHED_WITHIN_SECONDS = 60.0
_BROKEN_SECONDS = 240.0
_CRASH_LIMIT = 3
_POSTGRES = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A fault of a part and when it begins, in seconds after the load."""

    at_seconds: float
    part: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a seed draws; the same seed draws the same."""

    seed: int
    load: Load
    strikes: list[Strike]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a seed."""

    seed: int
    faults: list[str]
    """Those that came to pass."""
    requests: int
    items: int
    stalls: int
    """How often a worker stood still, and no fault was to blame."""
    violations: list[str]
    waste: Waste
    ledger: Comparison


def draw_plan(seed: int) -> Plan:
    """Draw the load and one fault of each faults."""
    draw = Random(f"plan {seed}")
    strikes = [
        Strike(
            at_seconds=draw.uniform(_FIRST_FAULT_SECONDS, _LAST_FAULT_SECONDS),
            part=faults,
            fault=pick(faults, seed)(draw),
        )
        for faults in FAULTS
    ]
    load = draw_load(seed, requests=REQUESTS, seconds=LOAD_SECONDS)
    return Plan(seed=seed, load=load, strikes=strikes)


async def run_seed(seed: int, folder: Path, *, workers: int) -> Report:
    """Run a seed on a stack of its own, whose logs stay in `folder`."""
    plan = draw_plan(seed)
    async with (
        environment_opened(folder, plan.load, workers=workers) as environment,
        _beside(environment.supervise(), environment.watch.requests(), environment.watch.offsets()),
    ):
        await environment.ready()
        async with asyncio.timeout(_BROKEN_SECONDS):
            faults = await _break(environment, plan)
        await environment.heal()
        late = await _settled(environment)
        return await _audited(environment, plan, faults=faults, late=late)


@asynccontextmanager
async def _beside(*loops: Coroutine[Any, Any, NoReturn]) -> AsyncIterator[None]:
    """Run loops for as long as the block runs; one that has ended by then was broken."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if not isinstance(end, asyncio.CancelledError):
            raise end


async def _break(environment: Environment, plan: Plan) -> list[str]:
    """Submit the load while the faults happen, and return those that came to pass."""
    async with asyncio.TaskGroup() as group:
        group.create_task(plan.load.submit(environment.door.url))
        striking = [group.create_task(_inject(environment, inject)) for inject in plan.strikes]
    return [name for task in striking if (name := task.result())]


async def _inject(environment: Environment, inject: Strike) -> str | None:
    """Do it in its time; one that meets an error of its own must not end the others."""
    await asyncio.sleep(inject.at_seconds)
    is_outage = inject.part == _POSTGRES
    try:
        with environment.outage() if is_outage else nullcontext():
            came_to_pass = await inject.fault.inject(environment)
    except Exception as error:  # noqa: BLE001 - it may be whatever a client raises
        environment.surprises.append(f"the fault {inject.fault.name!r} met {error!r}")
        return None
    return inject.fault.name if came_to_pass else None


async def _settled(environment: Environment) -> list[str]:
    """Wait until nothing is open and nothing unpublished; return what is after all."""
    return [
        *await _left(tables.unsettled, environment, within=_SETTLED_WITHIN_SECONDS),
        *await _left(tables.unpublished, environment, within=_PUBLISHED_WITHIN_SECONDS),
        *await _left(tables.stale_dispatches, environment, within=_PUBLISHED_WITHIN_SECONDS),
    ]


async def _left(
    look: Callable[[Database], Awaitable[list[str]]], environment: Environment, *, within: float
) -> list[str]:
    found: list[str] = []

    async def is_nothing() -> bool:
        nonlocal found
        found = await look(environment.database)
        return not found

    with suppress(AssertionError):
        await eventually(is_nothing, within=within)
    return found


async def _audited(
    environment: Environment, plan: Plan, *, faults: list[str], late: list[str]
) -> Report:
    left = await environment.leave()  # first of all: then every call that ended is recorded
    promised = {path.rpartition("/")[2]: path for path in plan.load.promised.values()}
    items = await calls.items_of(environment.database)
    stalls = environment.stalls.exposures(environment.workers)
    waste = calls.waste(
        environment.model.calls,
        items,
        script_of=plan.load.script_of,
        exposures=[*environment.exposures, *stalls],
    )
    compared = await _compared(environment)
    violations = [
        *left,
        *late,
        *environment.surprises,
        *environment.watch.violations,
        *await tables.violations(environment.database),
        *await tables.forgotten(environment.database, [*promised]),
        *await topics.violations(
            environment.database, environment.stack, poison=environment.poison
        ),
        *await _told(environment, promised),
        *calls.violations(
            items,
            script_of=plan.load.script_of,
            may_be_given_up=partial(_may_be_given_up, environment),
        ),
        *waste.violations(),
        *await tables.unpaid(environment.database),
        *compared.violations,
    ]
    return Report(
        seed=plan.seed,
        faults=faults,
        requests=len(promised),
        items=len(items),
        stalls=len(stalls),
        violations=violations,
        waste=waste,
        ledger=compared,
    )


async def _compared(environment: Environment) -> Comparison:
    model = environment.model
    return ledger.compare(
        [*model.calls, *model.turned_away],
        await ledger.read(environment.database),
        answered_at=model.answered_at,
        ends=environment.ends.values(),
        outages=[*environment.outages, *environment.stalls.outages(environment.workers)],
        given_up=given_up(environment.workers),
    )


async def _told(environment: Environment, promised: dict[str, str]) -> list[str]:
    async with httpx.AsyncClient(base_url=environment.door.url, timeout=30) as api:
        calls_made = await ledger.calls_by_request(environment.database)
        return await over_http.violations(api, promised, calls=calls_made)


def _may_be_given_up(environment: Environment, item: Item) -> bool:
    """Tell whether an item's request may have been lost with three workers in a row."""
    lost = sum(exposure.items is None for exposure in environment.exposures)
    return item.tag.startswith(KILLER) or lost >= _CRASH_LIMIT
