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

from tests.chaos.site import LEASE_SECONDS, LOSS_NOTICED_SECONDS, Site
from tests.support.proxy import Proxy

_MOST_WORKERS = 1000


class Harm(StrEnum):
    """What a network does."""

    CUT = "cut"
    BLACK_HOLE = "black hole"
    DELAY = "delay"


class Road(StrEnum):
    """To which server it leads."""

    POSTGRES = "PostgreSQL"
    KAFKA = "Kafka"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadHarmed:
    """One worker's road to a server is harmed for `seconds`."""

    worker: int
    road: Road
    harm: Harm
    seconds: float
    delay_seconds: float

    @property
    def name(self) -> str:
        return f"road to {self.road}: {self.harm}"

    async def strike(self, site: Site) -> bool:
        place = site.workers[self.worker % len(site.workers)]
        proxy = place.to_postgres if self.road is Road.POSTGRES else place.to_kafka
        since = time.time()
        with site.stalls.excused() if self.road is Road.POSTGRES else nullcontext():
            self._harm(proxy)
            await asyncio.sleep(self.seconds)
            proxy.mend()
        if self.road is Road.POSTGRES and self.harm is not Harm.DELAY:
            await asyncio.sleep(LOSS_NOTICED_SECONDS)
            site.expose([place], since=since)
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


def _harmed(draw: Random, *, road: Road, harm: Harm) -> RoadHarmed:
    return RoadHarmed(
        worker=draw.randrange(_MOST_WORKERS),
        road=road,
        harm=harm,
        seconds=draw.uniform(0.5, 2.5) * LEASE_SECONDS,
        delay_seconds=draw.uniform(0.01, 0.08),
    )


DECK: Sequence[Callable[[Random], RoadHarmed]] = tuple(
    partial(_harmed, road=road, harm=harm) for road in Road for harm in Harm
)
