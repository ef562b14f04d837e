"""What happens to a server as a whole, be it PostgreSQL or the broker."""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from devstack.server import Server
from tests.chaos.environment import Environment, restored, stopped


class Part(StrEnum):
    """Which server."""

    POSTGRES = "PostgreSQL"
    KAFKA = "broker"

    def server(self, environment: Environment) -> Server:
        """Return it."""
        return environment.postgres if self is Part.POSTGRES else environment.kafka

    def excuse(self, environment: Environment) -> AbstractContextManager[None]:
        """Keep the meter of stalls from noting what is done to it."""
        return environment.stalls.excused() if self is Part.POSTGRES else nullcontext()


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

    async def inject(self, environment: Environment) -> bool:
        with self.part.excuse(environment):
            await self._end(self.part.server(environment))
            await asyncio.sleep(self.seconds)
            await restored(self.part.server(environment))
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

    async def inject(self, environment: Environment) -> bool:
        with self.part.excuse(environment):
            self.part.server(environment).freeze()
            await asyncio.sleep(self.seconds)
            self.part.server(environment).thaw()
        return True
