"""What is asked of the service while faults happen, and how the model answers."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.support.model_server import Item, Script, Verdict

KILLER = "killer"
_LONGEST_LATENCY_SECONDS = 0.5
_PRIORITIES = ("high", "normal", "normal", "low")
_ANSWER_SECONDS = 10.0
_AGAIN_SECONDS = 0.2
_INVALID_ATTEMPTS = 3
_SIX_IN_TEN = ((Verdict.GOOD,),) * 12

SCRIPTS: Sequence[Script] = (
    *_SIX_IN_TEN,
    *(
        (fault, Verdict.GOOD)
        for fault in Verdict
        if fault not in (Verdict.GOOD, Verdict.TRUNCATED, Verdict.REFUSED)
    ),
    (
        Verdict.SERVER_ERROR,
        Verdict.RATE_LIMITED,
        Verdict.DROPPED,
        Verdict.SERVER_ERROR,
        Verdict.GOOD,
    ),
)
FAILING: Sequence[Script] = (
    (Verdict.TRUNCATED,),
    (Verdict.REFUSED,),
    (Verdict.SCHEMA_INVALID,) * _INVALID_ATTEMPTS,
)
_FAILING_SHARE = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """A request that will be submitted."""

    tag: str
    count: int
    priority: str


@dataclass(slots=True, kw_only=True)
class Load:
    """The requests of a seed, in the order in which they come, over `seconds`.

    An ask that got no answer is asked again under another tag: it is unknown what became of the
    first. `promised` are the paths that a 202 named, by tag.
    """

    seed: int
    asks: list[PlannedRequest]
    seconds: float
    promised: dict[str, str] = field(default_factory=dict)

    def script_of(self, item: Item) -> Script:
        """Return how the model answers the calls for an item."""
        if item.tag.startswith(KILLER):
            return (Verdict.GOOD,)
        draw = random.Random(f"{self.seed} {item.tag} {item.ordinal}")
        return draw.choice(FAILING if draw.random() < _FAILING_SHARE else SCRIPTS)

    def latency_of(self, item: Item) -> float:
        """Return how long the model thinks about an item, in seconds."""
        draw = random.Random(f"latency {self.seed} {item.tag} {item.ordinal}")
        return draw.uniform(0.02, _LONGEST_LATENCY_SECONDS)

    async def submit(self, url: str) -> None:
        """Submit everything, each ask until it has a 202."""
        async with (
            httpx.AsyncClient(base_url=url, timeout=_ANSWER_SECONDS) as client,
            asyncio.TaskGroup() as group,
        ):
            for ask in self.asks:
                group.create_task(self._submit(client, ask))
                await asyncio.sleep(self.seconds / len(self.asks))

    async def submit_one(self, url: str, ask: PlannedRequest) -> None:
        """Submit one more ask."""
        async with httpx.AsyncClient(base_url=url, timeout=_ANSWER_SECONDS) as client:
            await self._submit(client, ask)

    async def _submit(self, client: httpx.AsyncClient, ask: PlannedRequest) -> None:
        tag = ask.tag
        tries = 0
        while not await self._is_promised(client, ask, tag):
            tries += 1
            tag = f"{ask.tag}-again-{tries}"
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _is_promised(self, client: httpx.AsyncClient, ask: PlannedRequest, tag: str) -> bool:
        body = {
            "entity_type": "sentence",
            "count": ask.count,
            "priority": ask.priority,
            "constraints": {"topic_tags": [tag]},
        }
        try:
            answer = await client.post("/generation-requests", json=body)
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.ACCEPTED:
            self.promised[tag] = answer.headers["Location"]
            return True
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
        return False


def draw_load(seed: int, *, requests: int, seconds: float) -> Load:
    """Draw the requests of a seed."""
    draw = random.Random(f"load {seed}")
    asks = [
        PlannedRequest(
            tag=f"request-{number}",
            count=draw.choice((1, 1, 2, 3, 5, 10)),
            priority=draw.choice(_PRIORITIES),
        )
        for number in range(requests)
    ]
    return Load(seed=seed, asks=asks, seconds=seconds)
