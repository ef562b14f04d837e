"""The table of the periodic duties: each row a name, a period in seconds, and its step."""

from dataclasses import dataclass
from functools import partial

from worker_service.claims.lease import BEATS_PER_LEASE
from worker_service.generation.admission import Admission
from worker_service.intake import lag
from worker_service.intake.consume import Consumption
from worker_service.intake.dispatches import Dispatches
from worker_service.intake.ignored import REPORT_SECONDS
from worker_service.maintenance import presence, rescue
from worker_service.maintenance.duty import Duty, Maintenance
from worker_service.maintenance.settle import settle_all_due
from worker_service.watchdog import Watchdog

ADMIT_SECONDS = 0.1
COMMIT_SECONDS = 1.0
LOST_SECONDS = 1.0
RELAY_SECONDS = 1.0
SETTLE_SECONDS = 5.0
WATCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What repeats a step in one worker process."""

    maintenance: Maintenance
    consumption: Consumption
    dispatches: Dispatches
    admission: Admission
    watchdog: Watchdog

    def claiming(self) -> list[Duty]:
        """List what begins work; a drain ends it first."""
        of = self.maintenance
        every, claim_any = rescue.EVERY_SECONDS, partial(rescue.claim_any, of)
        return [
            Duty(name="claim_any", every=every, step=claim_any, sooner=of.slots.suspect_ended),
            Duty(name="claim_high", every=every, step=partial(rescue.claim_high, of)),
            Duty(name="claim_probes", every=every, step=partial(rescue.claim_probes, of)),
        ]

    def lasting(self) -> list[Duty]:
        """List what goes on until the process ends."""
        of, consumption = self.maintenance, self.consumption
        beat = of.claimant.lease_seconds / BEATS_PER_LEASE
        present, settle = partial(presence.note_presence, of), partial(settle_all_due, of)
        return [
            Duty(name="relay", every=RELAY_SECONDS, step=of.context.relay.run),
            Duty(name="heartbeat", every=beat, step=of.leases.renew),
            Duty(name="lost_leases", every=LOST_SECONDS, step=of.leases.abort_lost),
            Duty(name="presence", every=presence.EVERY_SECONDS, step=present),
            Duty(name="settle_due", every=SETTLE_SECONDS, step=settle),
            Duty(name="offsets_commit", every=COMMIT_SECONDS, step=consumption.commit),
            Duty(name="older_messages", every=REPORT_SECONDS, step=self.dispatches.older.report),
            Duty(name="kafka_lag", every=lag.EVERY_SECONDS, step=consumption.measure_lag),
            Duty(name="admission", every=ADMIT_SECONDS, step=self.admission.adjust),
            Duty(name="watchdog", every=WATCH_SECONDS, step=self.watchdog.check),
        ]
