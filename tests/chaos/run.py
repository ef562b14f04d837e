"""One seed: draw a plan, open a site, break it while it works, make it whole, audit its books."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import httpx

from shared.database import Database
from tests.chaos.faults import DECKS, Fault, deal
from tests.chaos.load import KILLER, Load, draw_load
from tests.chaos.site import Site, site_opened
from tests.support.books import calls, over_http, tables, topics
from tests.support.books.calls import Waste
from tests.support.model_server import Item
from tests.support.waiting import eventually

REQUESTS = 60
LOAD_SECONDS = 12.0
_FIRST_FAULT_SECONDS, _LAST_FAULT_SECONDS = 1.0, 8.0
_SETTLED_WITHIN_SECONDS = 120.0
_PUBLISHED_WITHIN_SECONDS = 60.0
_BROKEN_SECONDS = 240.0
_CRASH_LIMIT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A fault and when it begins, in seconds after the load."""

    at_seconds: float
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


def draw_plan(seed: int) -> Plan:
    """Draw the load and one fault of each deck."""
    draw = Random(f"plan {seed}")
    strikes = [
        Strike(
            at_seconds=draw.uniform(_FIRST_FAULT_SECONDS, _LAST_FAULT_SECONDS),
            fault=deal(deck, seed)(draw),
        )
        for deck in DECKS
    ]
    load = draw_load(seed, requests=REQUESTS, seconds=LOAD_SECONDS)
    return Plan(seed=seed, load=load, strikes=strikes)


async def run_seed(seed: int, folder: Path, *, workers: int) -> Report:
    """Run a seed on a stack of its own, whose logs stay in `folder`."""
    plan = draw_plan(seed)
    async with (
        site_opened(folder, plan.load, workers=workers) as site,
        _beside(site.supervise(), site.watch.requests(), site.watch.offsets()),
    ):
        await site.ready()
        async with asyncio.timeout(_BROKEN_SECONDS):
            faults = await _break(site, plan)
        await site.heal()
        late = await _settled(site)
        return await _audited(site, plan, faults=faults, late=late)


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


async def _break(site: Site, plan: Plan) -> list[str]:
    """Submit the load while the faults happen, and return those that came to pass."""
    async with asyncio.TaskGroup() as group:
        group.create_task(plan.load.submit(site.door.url))
        striking = [group.create_task(_strike(site, strike)) for strike in plan.strikes]
    return [name for task in striking if (name := task.result())]


async def _strike(site: Site, strike: Strike) -> str | None:
    """Do it in its time; one that meets an error of its own must not end the others."""
    await asyncio.sleep(strike.at_seconds)
    try:
        came_to_pass = await strike.fault.strike(site)
    except Exception as error:  # noqa: BLE001 - it may be whatever a client raises
        site.surprises.append(f"the fault {strike.fault.name!r} met {error!r}")
        return None
    return strike.fault.name if came_to_pass else None


async def _settled(site: Site) -> list[str]:
    """Wait until nothing is open and nothing unpublished; return what is after all."""
    return [
        *await _left(tables.unsettled, site, within=_SETTLED_WITHIN_SECONDS),
        *await _left(tables.unpublished, site, within=_PUBLISHED_WITHIN_SECONDS),
        *await _left(tables.stale_dispatches, site, within=_PUBLISHED_WITHIN_SECONDS),
    ]


async def _left(
    look: Callable[[Database], Awaitable[list[str]]], site: Site, *, within: float
) -> list[str]:
    found: list[str] = []

    async def is_nothing() -> bool:
        nonlocal found
        found = await look(site.database)
        return not found

    with suppress(AssertionError):
        await eventually(is_nothing, within=within)
    return found


async def _audited(site: Site, plan: Plan, *, faults: list[str], late: list[str]) -> Report:
    promised = {path.rpartition("/")[2]: path for path in plan.load.promised.values()}
    items = await calls.items_of(site.database)
    stalls = site.stalls.exposures(site.workers)
    waste = calls.waste(
        site.model.calls,
        items,
        script_of=plan.load.script_of,
        exposures=[*site.exposures, *stalls],
    )
    violations = [
        *late,
        *site.surprises,
        *site.watch.violations,
        *await tables.violations(site.database),
        *await tables.forgotten(site.database, [*promised]),
        *await topics.violations(site.database, site.stack, poison=site.poison),
        *await _told(site, promised),
        *calls.violations(
            items, script_of=plan.load.script_of, may_be_given_up=partial(_may_be_given_up, site)
        ),
        *waste.violations(),
        *await site.leave(),
    ]
    return Report(
        seed=plan.seed,
        faults=faults,
        requests=len(promised),
        items=len(items),
        stalls=len(stalls),
        violations=violations,
        waste=waste,
    )


async def _told(site: Site, promised: dict[str, str]) -> list[str]:
    async with httpx.AsyncClient(base_url=site.door.url, timeout=30) as api:
        return await over_http.violations(api, promised)


def _may_be_given_up(site: Site, item: Item) -> bool:
    """Tell whether an item's request may have been lost with three workers in a row."""
    lost = sum(exposure.items is None for exposure in site.exposures)
    return item.tag.startswith(KILLER) or lost >= _CRASH_LIMIT
