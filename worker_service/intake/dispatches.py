"""Make the fate of dispatch messages durable: a claim in PostgreSQL, or a dead letter."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

from schemas.dead_letters import Reason
from shared.errors import DatabaseUnavailable
from worker_service.claims.claims import Claimed, Claims
from worker_service.context import WorkerContext
from worker_service.generation.runner import Runner
from worker_service.intake.fetch import Message, Undecodable
from worker_service.intake.ignored import OlderMessages, ignore_copy, is_copy
from worker_service.intake.liveness import Liveness
from worker_service.intake.message import poison, read
from worker_service.settlement.poison import Poison, dead_letter_record

_AGAIN_SECONDS = 0.5

Answer = TypeVar("Answer")


class Dispatches:
    """Claims what messages name and starts it; what can never be claimed becomes a dead letter."""

    def __init__(
        self, context: WorkerContext, *, claims: Claims, runner: Runner, liveness: Liveness
    ) -> None:
        self._context = context
        self._claims = claims
        self._runner = runner
        self._liveness = liveness
        self.older = OlderMessages(context.database)

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
        await self._until_available(partial(self._dead_letter_all, dead))
        claimed = await self._until_available(partial(self._claims.claim, named.keys()))
        self._runner.start(claimed.claims)
        _ignore_copies(named, claimed)
        await self._settle_unknown({i: named[i] for i in claimed.unknown})

    async def _settle_unknown(self, unknown: Mapping[UUID, Sequence[Message]]) -> None:
        """Dead-letter the messages that name no request, but for those of another database."""
        older = await self._until_available(partial(self.older.among, unknown.keys()))
        dead = [
            poison(
                message,
                reason=Reason.UNKNOWN_REQUEST,
                error=f"there is no generation request {request_id}",
            )
            for request_id in unknown.keys() - older
            for message in unknown[request_id]
        ]
        await self._until_available(partial(self._dead_letter_all, dead))
        self.older.ignore(request_id for request_id in older for _ in unknown[request_id])

    async def dead_letter(self, undecodable: Undecodable) -> None:
        """Return once the dead letter of a record that the client cannot decode is written."""
        record = Poison(
            topic=undecodable.partition.topic,
            partition=undecodable.partition.partition,
            offset=undecodable.offset,
            reason=Reason.UNDECODABLE,
            error=f"the Kafka client cannot decode the record: {undecodable.error}",
        )
        await self._until_available(partial(self._dead_letter_all, [record]))

    async def _dead_letter_all(self, dead: Collection[Poison]) -> None:
        context = self._context
        for record in dead:
            await dead_letter_record(context.database, record, kafka_names=context.kafka_names)

    async def _until_available(self, step: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run a step, again while PostgreSQL is unavailable."""
        while True:
            self._liveness.tick()
            try:
                return await step()
            except DatabaseUnavailable:
                await asyncio.sleep(_AGAIN_SECONDS)


def _ignore_copies(named: Mapping[UUID, Sequence[Message]], claimed: Claimed) -> None:
    started = {claim.request_id for claim in claimed.claims}
    for request_id in named.keys() - started - claimed.unknown:
        for message in filter(is_copy, named[request_id]):
            ignore_copy(message, request_id)
