"""What a generator gets for one item: calls with permits, the circuit, retries and usage."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from shared.runtime.logging import get_log
from worker_service.generation.calling import Attempt, Calling
from worker_service.generation.retry import repeated
from worker_service.generators.contract import Answer
from worker_service.prompt import Prompt
from worker_service.providers import Call

log = get_log()


class CallsExhausted(Exception):
    """The item has reached the limit of its calls."""


@dataclass(slots=True, kw_only=True, eq=False)
class ItemTools(Attempt):
    """The attempt at an item as its generator sees it."""

    async def call(self, prompt: Prompt, *, answer: type[Answer]) -> Answer:
        """Call the request's provider as the contract says.

        Raises:
            ProviderError: as the provider fails, when it is not called again.
            CallsExhausted: the item has reached the limit of its calls.
            CircuitOpen: the provider is left alone for now.
            LeaseOver: a call was due, and the lease did not last for certain.
            ItemRecorded: it was the first call, and the item needs none any more.
        """
        if self.calls.are_exhausted:
            raise CallsExhausted
        # A statement more for a generator of several calls: what the call before this one has cost
        # is recorded, though its answer waits for the rest of the item.
        await self.calls.keep()
        circuit = self.tools.circuit(self.run.claim)
        calling = Calling(self, self._call(prompt, answer), answer=answer, circuit=circuit)
        await calling.acquire()
        with calling:
            return await repeated(
                calling.call_once, policy=self.tools.policy, may_repeat=calling.may_repeat
            )

    def progress(self, done: int, total: int, stage: str) -> None:
        """Log the stage; what ends the attempt is logged with it."""
        self.calls.stage = stage
        log.debug(
            "item_progressed",
            request_id=str(self.item.request_id),
            ordinal=self.item.ordinal,
            stage=stage,
            done=done,
            total=total,
        )

    def _call(self, prompt: Prompt, answer: type[BaseModel]) -> Call:
        return Call(
            entity_type=self.item.entity_type,
            constraints=self.item.constraints,
            ordinal=self.item.ordinal,
            seed=self.item.request_id.int,
            prompt=prompt,
            json_schema=_json_schema(answer),
            model=self.run.claim.model,
            traceparent=self.run.claim.traceparent,
        )


@lru_cache
def _json_schema(answer: type[BaseModel]) -> dict[str, Any]:
    return answer.model_json_schema()
