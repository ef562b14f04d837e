"""Make the fate of dispatch messages durable: a claim in PostgreSQL, or a dead letter."""

import asyncio
from collections.abc import Collection, Sequence
from uuid import UUID

from schemas.dead_letters import Reason
from shared.errors import DatabaseUnavailable
from worker_service.claims.claims import Claims
from worker_service.context import WorkerContext
from worker_service.generation.runner import Runner
from worker_service.intake.fetch import Message, Undecodable
from worker_service.intake.liveness import Liveness
from worker_service.intake.message import poison, read
from worker_service.settlement.poison import Poison, dead_letter_record

_AGAIN_SECONDS = 0.5


class Dispatches:
    """Claims what messages name and starts it; what can never be claimed becomes a dead letter."""

    def __init__(
        self, context: WorkerContext, *, claims: Claims, runner: Runner, liveness: Liveness
    ) -> None:
        self._context = context
        self._claims = claims
        self._runner = runner
        self._liveness = liveness

    async def make_durable(self, messages: Sequence[Message]) -> None:
        """Return once no message of a batch is needed any more."""
        named: dict[UUID, list[Message]] = {}
        dead: list[Poison] = []
        for message in messages:
            match read(message):
                case Poison() as unreadable:
                    dead.append(unreadable)
                case request_id:
                    named.setdefault(request_id, []).append(message)
        unknown = await self._until_durable(named.keys(), dead)
        await self._until_durable(
            (),
            [
                poison(
                    message,
                    reason=Reason.UNKNOWN_REQUEST,
                    error=f"there is no generation request {request_id}",
                )
                for request_id in unknown
                for message in named[request_id]
            ],
        )

    async def dead_letter(self, undecodable: Undecodable) -> None:
        """Return once the dead letter of a record that the client cannot decode is written."""
        record = Poison(
            topic=undecodable.partition.topic,
            partition=undecodable.partition.partition,
            offset=undecodable.offset,
            reason=Reason.UNDECODABLE,
            error=f"the Kafka client cannot decode the record: {undecodable.error}",
        )
        await self._until_durable((), [record])

    async def _until_durable(
        self, request_ids: Collection[UUID], dead: Collection[Poison]
    ) -> Collection[UUID]:
        """Write the dead letters and claim, again while PostgreSQL is unavailable."""
        context = self._context
        while True:
            self._liveness.tick()
            try:
                for record in dead:
                    await dead_letter_record(
                        context.database, record, kafka_names=context.kafka_names
                    )
                claimed = await self._claims.claim(request_ids)
            except DatabaseUnavailable:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self._runner.start(claimed.claims)
                return claimed.unknown
