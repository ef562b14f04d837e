"""The table of the periodic duties: each row a name, a period in seconds, and its step."""

from functools import partial

from worker_service.claims.lease import BEATS_PER_LEASE
from worker_service.maintenance import (
    crash_loops,
    deadlines,
    exhausted_releases,
    presence,
    rescue,
    unserved,
)
from worker_service.maintenance.duty import Duty, Maintenance

RELAY_SECONDS = 1.0
LOST_SECONDS = 1.0
SETTLE_SECONDS = 5.0


def claiming_duties(of: Maintenance) -> list[Duty]:
    """List what begins work; a drain ends it first."""
    return [
        Duty(
            name="claim_any",
            every=rescue.EVERY_SECONDS,
            step=partial(rescue.claim_any, of),
            sooner=of.slots.suspect_ended,
        ),
        Duty(name="claim_high", every=rescue.EVERY_SECONDS, step=partial(rescue.claim_high, of)),
        Duty(
            name="claim_probes", every=rescue.EVERY_SECONDS, step=partial(rescue.claim_probes, of)
        ),
    ]


def lasting_duties(of: Maintenance) -> list[Duty]:
    """List what goes on until the process ends."""
    beat = of.claimant.lease_seconds / BEATS_PER_LEASE
    return [
        Duty(name="relay", every=RELAY_SECONDS, step=of.context.relay.run),
        Duty(name="heartbeat", every=beat, step=of.leases.renew),
        Duty(name="lost_leases", every=LOST_SECONDS, step=of.leases.abort_lost),
        Duty(
            name="presence",
            every=presence.EVERY_SECONDS,
            step=partial(presence.note_presence, of),
        ),
        Duty(name="settle_due", every=SETTLE_SECONDS, step=partial(settle_all_due, of)),
    ]


async def settle_all_due(of: Maintenance) -> int:
    """Settle what no worker can finish, and count it."""
    return sum([await settle(of) for settle in _SETTLING])


_SETTLING = (
    deadlines.settle_overdue,
    crash_loops.settle_crash_loops,
    exhausted_releases.settle_exhausted,
    unserved.settle_unknown_entity_types,
    unserved.settle_unknown_providers,
)
"""In the order of precedence: a request that is due for two reasons fails for the first."""
