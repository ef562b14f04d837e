"""What happens to the broker, and to the group that reads from it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from tests.chaos.site import Site, restored, stopped

WHOLE_RUN_SECONDS = 25.0
_GUEST_STAYS_SECONDS = 1.0
_BOUND_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerDown:
    """The broker is stopped in order and started again after `down_seconds`."""

    down_seconds: float
    name: str = "broker restarted"

    async def strike(self, site: Site) -> bool:
        await stopped(site.kafka)
        await asyncio.sleep(self.down_seconds)
        await restored(site.kafka)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerKilled:
    """The broker is killed and started again after `down_seconds`."""

    down_seconds: float
    name: str = "broker killed"

    async def strike(self, site: Site) -> bool:
        await asyncio.to_thread(site.kafka.kill)
        await asyncio.sleep(self.down_seconds)
        await restored(site.kafka)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFrozen:
    """The broker keeps its connections and answers nothing for a while."""

    frozen_seconds: float
    name: str = "broker frozen"

    async def strike(self, site: Site) -> bool:
        site.kafka.freeze()
        await asyncio.sleep(self.frozen_seconds)
        site.kafka.thaw()
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalances:
    """A guest joins the group and leaves it again, every few seconds."""

    times: int
    every_seconds: float
    name: str = "group rebalanced"

    async def strike(self, site: Site) -> bool:
        for _ in range(self.times):
            with suppress(KafkaError, OSError, TimeoutError):
                await _visit(site)
            await asyncio.sleep(self.every_seconds)
        return True


async def _visit(site: Site) -> None:
    """Be a member that commits nothing, for a moment."""
    guest = AIOKafkaConsumer(
        *site.stack.topics.requests.values(),
        bootstrap_servers=site.stack.kafka,
        group_id=site.stack.group,
        enable_auto_commit=False,
        partition_assignment_strategy=(RoundRobinPartitionAssignor,),
    )
    try:
        async with asyncio.timeout(_BOUND_SECONDS):
            await guest.start()
            await asyncio.sleep(_GUEST_STAYS_SECONDS)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_BOUND_SECONDS):
                await guest.stop()


def _restarted(draw: Random) -> BrokerDown:
    return BrokerDown(down_seconds=draw.uniform(0, 8))


def _gone(_: Random) -> BrokerDown:
    return BrokerDown(down_seconds=WHOLE_RUN_SECONDS, name="no broker")


def _killed(draw: Random) -> BrokerKilled:
    return BrokerKilled(down_seconds=draw.uniform(0, 8))


def _frozen(draw: Random) -> BrokerFrozen:
    return BrokerFrozen(frozen_seconds=draw.uniform(3, 12))


def _rebalanced(draw: Random) -> Rebalances:
    return Rebalances(times=draw.randint(3, 5), every_seconds=draw.uniform(0.5, 2.0))


DECK: Sequence[Callable[[Random], BrokerDown | BrokerKilled | BrokerFrozen | Rebalances]] = (
    _restarted,
    _gone,
    _killed,
    _frozen,
    _rebalanced,
)
