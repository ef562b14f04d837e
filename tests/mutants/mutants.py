"""The rules of the road, each removed once, and who notices."""

from shared.errors import DatabaseContended
from tests.integration import (
    test_claim,
    test_consume,
    test_dead_letter,
    test_lease,
    test_maintenance,
    test_provider_calls,
    test_record,
    test_relay,
)
from tests.mutants.mutation import Mutant
from tests.scenarios import test_drain
from tests.unit import test_offsets

RECORD = (
    Mutant(
        "locked row waited for",
        place="worker_service.settlement.record:LOCK",
        old=" SKIP LOCKED",
        new="",
        times=2,
        check=test_record.test_every_result_of_a_batch_has_its_own_fate,
        error=DatabaseContended,
    ),
    Mutant(
        "locked item waited for",
        place="worker_service.settlement.record:LOCK",
        old="AS has_busy_item",
        new="AND false AS has_busy_item",
        check=test_record.test_an_item_that_another_session_has_locked_holds_up_no_neighbour,
        error=DatabaseContended,
    ),
    Mutant(
        "no row lock",
        place="worker_service.settlement.record:LOCK",
        old=" FOR NO KEY UPDATE SKIP LOCKED",
        new="",
        times=2,
        check=test_record.test_an_item_sees_the_one_that_was_being_recorded_meanwhile,
    ),
    Mutant(
        "count = count + 1",
        place="worker_service.settlement.settle:COUNT_AND_SETTLE",
        old="SET generated_count = generated,",
        new="SET generated_count = request.generated_count + 1,",
        check=test_record.test_a_result_recorded_twice_counts_once,
        in_model=True,
    ),
    Mutant(
        "settle outside the transaction",
        place="worker_service.settlement.record:record",
        old="ids = [",
        new='await connection.execute("COMMIT; BEGIN"); ids = [',
        check=test_record.test_a_settle_that_cannot_notify_does_not_settle,
    ),
    Mutant(
        "failure verdict of a stale epoch accepted",
        place="worker_service.settlement.record:_refusal",
        old="isinstance(result.outcome, Failed) and not owns",
        new="False",
        check=test_record.test_the_failure_verdict_of_an_older_epoch_is_refused,
        in_model=True,
    ),
    Mutant(
        "late success dropped while open",
        place="worker_service.settlement.record:_refusal",
        old="isinstance(result.outcome, Failed) and not owns",
        new="not owns",
        check=test_record.test_a_late_success_of_an_older_epoch_is_kept_while_the_request_is_open,
        in_model=True,
    ),
    Mutant(
        "second success replaces the first",
        place="worker_service.settlement.record:KEEP",
        old="generation_items.status = 'failed' AND",
        new="",
        check=test_record.test_the_first_of_two_successes_is_the_one_that_is_kept,
        in_model=True,
    ),
    Mutant(
        "final request takes items",
        place="worker_service.settlement.record:_refusal",
        old='request["status"] in FINAL',
        new="False",
        check=test_record.test_once_final_nothing_changes,
        in_model=True,
    ),
    Mutant(
        "crashes outlive progress",
        place="worker_service.settlement.settle:COUNT_AND_SETTLE",
        old="crashes = 0,",
        new="",
        check=test_record.test_a_recorded_item_is_progress_and_forgives_crashes_and_releases,
        in_model=True,
    ),
    Mutant(
        "calls of a late result forgotten",
        place="worker_service.settlement.record:record",
        old="for result in results for call",
        new="for result in kept for call",
        check=test_provider_calls.test_the_calls_of_a_result_that_comes_too_late_are_recorded,
    ),
)

CLAIM = (
    Mutant(
        "calls of earlier attempts forgotten",
        place="worker_service.claims.claim:_called",
        old="rows is None",
        new="True",
        check=test_provider_calls.test_a_claim_knows_the_calls_of_each_missing_item,
    ),
    Mutant(
        "one request probed for all",
        place="worker_service.claims.rescue:Rescue.claim_any",
        old="reversed(takes) if wanted.probed else takes",
        new="takes",
        check=test_provider_calls.test_probes_take_turns_over_the_waiting_requests,
    ),
    Mutant(
        "no fencing: a takeover keeps the epoch",
        place="worker_service.claims.rescue:TAKE_OVER",
        old="epoch = request.epoch + 1",
        new="epoch = request.epoch",
        check=test_record.test_the_failure_verdict_of_an_older_epoch_is_refused,
        in_model=True,
    ),
    Mutant(
        "no fencing: a stale claim releases",
        place="worker_service.claims.release:RELEASE",
        old="epoch = :epoch",
        new="epoch >= :epoch",
        check=test_claim.test_the_release_of_an_older_epoch_changes_nothing,
    ),
    Mutant(
        "message takes a live lease",
        place="worker_service.claims.claims:CLAIM",
        old="WHEN 'processing' THEN lease_owner = :owner",
        new="WHEN 'processing' THEN true",
        check=test_claim.test_a_duplicate_message_changes_nothing,
        in_model=True,
    ),
    Mutant(
        "lost reply forgotten",
        place="worker_service.claims.claims:CLAIM",
        old="WHEN 'processing' THEN lease_owner = :owner",
        new="",
        check=test_claim.test_a_claim_whose_reply_was_lost_is_retaken_by_its_owner,
    ),
    Mutant(
        "takeover of a live lease",
        place="worker_service.claims.rescue:TAKE_OVER",
        old="lease_until < clock_timestamp() AND ",
        new="",
        check=test_claim.test_a_live_lease_is_not_taken_over,
        in_model=True,
    ),
    Mutant(
        "takeover right after a restart of PostgreSQL",
        place="worker_service.claims.rescue:TAKE_OVER",
        old="pg_postmaster_start_time() <",
        new="'-infinity' <",
        check=test_lease.test_a_restart_of_postgresql_steals_no_lease,
    ),
    Mutant(
        "takeover counts no crash",
        place="worker_service.claims.rescue:TAKE_OVER",
        old="request.crashes + target.is_takeover::int",
        new="request.crashes",
        check=test_claim.test_a_takeover_counts_a_crash_and_tells_what_is_recorded,
        in_model=True,
    ),
    Mutant(
        "many suspects at a time",
        place="worker_service.claims.rescue:TAKE_SUSPECT",
        old="LIMIT 1",
        new="LIMIT 9",
        check=test_claim.test_a_worker_holds_one_suspect_at_a_time,
    ),
    Mutant(
        "claim of a provider that this worker has not",
        place="worker_service.claims.rescue:CLAIM_WAITING",
        old="coalesce(request.provider, :default_provider) = ANY (:providers::text[])",
        new=":providers::text[] IS NOT NULL",
        check=test_claim.test_a_worker_claims_only_requests_of_providers_that_it_has,
    ),
    Mutant(
        "probe of what no circuit blocks",
        place="worker_service.claims.rescue:CLAIM_WAITING",
        old=":is_probe::boolean =",
        new=":is_probe::boolean <=",
        check=test_claim.test_only_a_probe_takes_what_an_open_circuit_blocks,
    ),
    Mutant(
        "release counts a crash",
        place="worker_service.claims.release:RELEASE",
        old="releases = ",
        new="crashes = crashes + 1, releases = ",
        check=test_claim.test_a_release_that_is_not_due_is_left_alone,
        in_model=True,
    ),
)

LEASE = (
    Mutant(
        "heartbeat without SKIP LOCKED",
        place="worker_service.claims.lease:HEARTBEAT",
        old=" SKIP LOCKED",
        new="",
        check=test_lease.test_a_row_that_another_session_has_locked_delays_no_other_lease,
        error=DatabaseContended,
    ),
    Mutant(
        "no fencing: a stale heartbeat renews",
        place="worker_service.claims.lease:HEARTBEAT",
        old="(id, epoch) USING (id, epoch)",
        new="(id, stale_epoch) USING (id)",
        check=test_lease.test_a_beat_does_not_renew_the_lease_of_a_newer_epoch,
    ),
    Mutant(
        "no fencing: a lost lease goes unnoticed",
        place="worker_service.claims.lease:LOST",
        old="request.epoch IS DISTINCT FROM lease.epoch OR ",
        new="",
        check=test_lease.test_a_run_whose_request_was_taken_over_is_aborted,
    ),
    Mutant(
        "takeover right after a worker's own outage",
        place="worker_service.claims.lease:Leases.renew",
        old='self._steady_at, self._until = float("inf"), None',
        new="pass",
        check=test_lease.test_after_a_failed_beat_a_worker_takes_nothing_over_for_a_lease,
    ),
    Mutant(
        "deadline waits for the lease to end",
        place="worker_service.maintenance.deadlines:OVERDUE",
        old="deadline_at <= (SELECT clock_timestamp())",
        new="deadline_at <= (SELECT clock_timestamp()) AND status = 'pending'",
        check=test_maintenance.test_a_request_past_its_deadline_keeps_what_is_made_and_fails_the_rest,
    ),
    Mutant(
        "drain that claims on",
        place="worker_service.drain:Drain._stop_claiming",
        old="await self.claims.close()",
        new="await self.slots.emptied(); await self.claims.close()",
        check=test_drain.test_a_draining_worker_takes_nothing_from_postgresql_either,
    ),
)

KAFKA = (
    Mutant(
        "offset committed before the claim",
        place="worker_service.intake.consume:Consumption._make_durable",
        old="await self._dispatches.make_durable(messages)",
        new=(
            "last = messages[-1]; self._offsets.handled((last.topic, last.partition), last.offset, "
            "assignment=assignment); await self.commit(); "
            "await self._dispatches.make_durable(messages)"
        ),
        check=test_consume.test_no_offset_is_committed_before_the_claim,
    ),
    Mutant(
        "offsets outlive their assignment",
        place="worker_service.intake.offsets:Offsets.handled",
        old="assignment == self.assignment",
        new="True",
        check=test_offsets.test_what_was_learnt_under_an_older_assignment_is_worthless,
    ),
    Mutant(
        "outbox row deleted before the acknowledgement",
        place="shared.outbox:Relay.publish",
        old="results = ",
        new=(
            "await DELETE_ACKNOWLEDGED.execute(self._database, ids=[r.id for r in rows]); "
            "results = "
        ),
        check=test_relay.test_a_row_is_deleted_only_after_the_broker_has_acknowledged_it,
    ),
    Mutant(
        "dispatch of a request that is not pending",
        place="shared.outbox:DELETE_STALE_DISPATCHES",
        old="<> 'pending'",
        new="= 'nothing'",
        check=test_relay.test_a_dispatch_whose_request_is_not_pending_is_deleted_unpublished,
        in_model=True,
    ),
    Mutant(
        "dead letters for messages of another database",
        place="worker_service.intake.dispatches:Dispatches._settle_unknown",
        old="unknown.keys() - older",
        new="unknown.keys()",
        check=test_consume.test_messages_older_than_the_database_are_one_line_and_no_dead_letters,
    ),
    Mutant(
        "letter without identity",
        place="worker_service.settlement.poison:_whole",
        old="digest=poison.digest",
        new='digest=__import__("os").urandom(32)',
        check=(
            test_dead_letter.test_a_record_delivered_twice_is_one_letter_and_one_row_for_the_topic
        ),
    ),
)

MUTANTS = (*RECORD, *CLAIM, *LEASE, *KAFKA)
