"""What the stages of one worker process share."""

import asyncio
from dataclasses import dataclass

from shared.group_commit import GroupCommit
from shared.outbox import Relay
from shared.postgres.database import Database
from shared.tracing import Tracer
from worker_service.kafka_names import KafkaNames
from worker_service.settlement.provider_calls import CallBatch
from worker_service.settlement.record import Answer, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """The connections and limits of a worker process.

    `recording` writes results in batches, and `call_recording` the calls that come with no result.
    `is_over` is set when a drain has used up its time: what
    cannot be recorded even then is left to the next owner of the request.
    """

    database: Database
    relay: Relay
    kafka_names: KafkaNames
    recording: GroupCommit[Result, Answer]
    call_recording: GroupCommit[CallBatch, None]
    parallel_items: int
    is_over: asyncio.Event
    tracer: Tracer | None = None
