"""What happens to a server as a whole, be it PostgreSQL or the broker."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from devstack.server import Server
from tests.chaos.site import Site, restored, stopped


class Part(StrEnum):
    """Which server."""

    POSTGRES = "PostgreSQL"
    KAFKA = "broker"

    def server(self, site: Site) -> Server:
        """Return it."""
        return site.postgres if self is Part.POSTGRES else site.kafka

    def excuse(self, site: Site) -> AbstractContextManager[None]:
        """Keep the meter of stalls from noting what is done to it."""
        return site.stalls.excused() if self is Part.POSTGRES else nullcontext()


class End(StrEnum):
    """How it ends."""

    STOPPED = "restarted"
    KILLED = "killed"
    GONE = "gone"
    """As restarted, and so late that nothing is left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """A server is stopped in order, or killed, and started again after `seconds`."""

    part: Part
    end: End
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.part} {self.end}"

    async def strike(self, site: Site) -> bool:
        with self.part.excuse(site):
            await self._end(self.part.server(site))
            await asyncio.sleep(self.seconds)
            await restored(self.part.server(site))
        return True

    async def _end(self, server: Server) -> None:
        match self.end:
            case End.STOPPED | End.GONE:
                await stopped(server)
            case End.KILLED:
                await asyncio.to_thread(server.kill)
            case _:
                assert_never(self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A server keeps its connections and answers nothing for `seconds`."""

    part: Part
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.part} frozen"

    async def strike(self, site: Site) -> bool:
        with self.part.excuse(site):
            self.part.server(site).freeze()
            await asyncio.sleep(self.seconds)
            self.part.server(site).thaw()
        return True
