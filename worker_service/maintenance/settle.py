"""Settle what no worker can finish: the duty that runs the settling ones in their order."""

from worker_service.maintenance import crash_loops, deadlines, exhausted_releases, unserved
from worker_service.maintenance.duty import Maintenance

_SETTLING = (
    deadlines.settle_overdue,
    crash_loops.settle_crash_loops,
    exhausted_releases.settle_exhausted,
    unserved.settle_unknown_entity_types,
    unserved.settle_unknown_providers,
)
"""In the order of precedence: a request that is due for two reasons fails for the first."""


async def settle_all_due(of: Maintenance) -> int:
    """Settle what is due, and count it."""
    return sum([await settle(of) for settle in _SETTLING])
