"""What happens to the network between one worker and the servers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from typing import assert_never

from tests.chaos.environment import LEASE_SECONDS, LOSS_NOTICED_SECONDS, Environment
from tests.support.proxy import Proxy

_MOST_WORKERS = 1000


class Harm(StrEnum):
    """What a network does."""

    CUT = "cut"
    BLACK_HOLE = "black hole"
    DELAY = "delay"


class Peer(StrEnum):
    """To which server it leads."""

    POSTGRES = "PostgreSQL"
    KAFKA = "Kafka"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionHarmed:
    """One worker's peer to a server is harmed for `seconds`."""

    worker: int
    peer: Peer
    harm: Harm
    seconds: float
    delay_seconds: float

    @property
    def name(self) -> str:
        return f"peer to {self.peer}: {self.harm}"

    async def inject(self, environment: Environment) -> bool:
        place = environment.workers[self.worker % len(environment.workers)]
        proxy = place.to_postgres if self.peer is Peer.POSTGRES else place.to_kafka
        since = time.time()
        stalls = environment.stalls
        with stalls.excused(place.name) if self.peer is Peer.POSTGRES else nullcontext():
            self._harm(proxy)
            await asyncio.sleep(self.seconds)
            proxy.mend()
        if self.peer is Peer.POSTGRES and self.harm is not Harm.DELAY:
            await asyncio.sleep(LOSS_NOTICED_SECONDS)
            environment.expose([place], since=since)
        return True

    def _harm(self, proxy: Proxy) -> None:
        match self.harm:
            case Harm.CUT:
                proxy.cut()
            case Harm.BLACK_HOLE:
                proxy.swallow()
            case Harm.DELAY:
                proxy.delay(self.delay_seconds)
            case _:
                assert_never(self.harm)


def _harmed(draw: Random, *, peer: Peer, harm: Harm) -> ConnectionHarmed:
    return ConnectionHarmed(
        worker=draw.randrange(_MOST_WORKERS),
        peer=peer,
        harm=harm,
        seconds=draw.uniform(0.5, 2.5) * LEASE_SECONDS,
        delay_seconds=draw.uniform(0.01, 0.08),
    )


FAULTS: Sequence[Callable[[Random], ConnectionHarmed]] = tuple(
    partial(_harmed, peer=peer, harm=harm) for peer in Peer for harm in Harm
)
