"""Start what no message brings: expired leases, due releases, requests that wait for too long."""

import time
from collections.abc import Sequence

from schemas.states import Priority
from worker_service.claims.circuit import Circuit
from worker_service.claims.rescue import (
    PENDING_SECONDS,
    PENDING_SECONDS_WITHOUT_MESSAGE,
    Wanted,
)
from worker_service.maintenance.duty import Maintenance

EVERY_SECONDS = 2.0
_BATCH_SLOTS = 100


async def claim_any(maintenance: Maintenance) -> None:
    """Fill the slots that messages leave, as long as each claim fills its own."""
    rescue_slots = maintenance.slots.rescue_slots
    while slots := min(await rescue_slots(EVERY_SECONDS), _BATCH_SLOTS):
        if await _start(maintenance, slots, _wanted(maintenance, [*Priority])) < slots:
            return


async def claim_high(maintenance: Maintenance) -> None:
    """Fill the slots that are for `high` alone."""
    if slots := min(maintenance.slots.free(Priority.HIGH), _BATCH_SLOTS):
        await _start(maintenance, slots, _wanted(maintenance, [Priority.HIGH]))


async def claim_probes(maintenance: Maintenance) -> None:
    """Start one request for each open circuit whose time is over, to try its provider."""
    for circuit in maintenance.breakers.due_for_probe(time.monotonic()):
        if not maintenance.slots.free(Priority.NORMAL):
            return
        wanted = _wanted(maintenance, [*Priority], probed=circuit)
        # Noted only where a request was there: an idle provider is not worth a probe's pause.
        if await _start(maintenance, 1, wanted):
            circuit.probe_claimed(time.monotonic())


async def _start(maintenance: Maintenance, slots: int, wanted: Wanted) -> int:
    """Start what is claimed into so many slots, and count it."""
    started = 0
    with maintenance.slots.held(slots) as filled:
        async for claims in maintenance.rescue.claim_any(slots, wanted):
            filled(len(claims))
            maintenance.runner.start(claims)
            started += len(claims)
    return started


def _wanted(
    maintenance: Maintenance, priorities: Sequence[Priority], *, probed: Circuit | None = None
) -> Wanted:
    return Wanted(
        priorities=priorities,
        take_over_until=maintenance.leases.take_over_until,
        pending_seconds=0.0 if probed else _pending_seconds(maintenance),
        probed=probed,
    )


def _pending_seconds(maintenance: Maintenance) -> float:
    """How old a pending request must be before it is claimed without its message.

    A message that came while a circuit was open does not come again: its offset is committed. For
    `PENDING_SECONDS` after the circuit has closed, such requests may be younger than that.
    """
    closed_lately = maintenance.breakers.closed_since(time.monotonic() - PENDING_SECONDS)
    if closed_lately or not maintenance.publisher.reachable:
        return PENDING_SECONDS_WITHOUT_MESSAGE
    return PENDING_SECONDS
