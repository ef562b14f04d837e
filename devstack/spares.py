"""Interpreters that have loaded the libraries, and become services when the source has changed."""

import json
import socket
import sys
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from devstack.children import Child, Program
from devstack.spare import MESSAGE_BYTES


class Spares:
    """One spare interpreter for each program that is `prepare`d, told apart by its log."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Spare] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._waiting:
            self._waiting.popitem()[1].kill()

    @property
    def waiting(self) -> list[Child]:
        """The spares that have become nothing yet."""
        return [spare.child for spare in self._waiting.values()]

    def prepare(self, programs: Iterable[Program]) -> None:
        """Start a spare for each program that has none."""
        for program in programs:
            waiting = self._waiting.get(program.log.name)
            if waiting is None or waiting.is_gone:
                self._waiting[program.log.name] = _Spare(program)

    def launch(self, program: Program) -> Child:
        """Let a spare become the program, a `python -m`; without one, start it from nothing."""
        spare = self._waiting.pop(program.log.name, None)
        if spare is None or spare.is_gone:
            return Child(program)
        try:
            return spare.become(program)
        except OSError:  # it has died meanwhile, or the environment is longer than its socket takes
            spare.kill()
            return Child(program)


class _Spare:
    def __init__(self, program: Program) -> None:
        # A message is sent whole or not at all, however long it is.
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = (sys.executable, "-m", "devstack.spare", str(theirs.fileno()))
            self.child = Child(replace(program, command=command, pass_fds=(theirs.fileno(),)))

    @property
    def is_gone(self) -> bool:
        return self.child.status is not None

    def become(self, program: Program) -> Child:
        _, _, module, *arguments = program.command
        pass_fds = list(program.pass_fds)
        order = {
            "module": str(module),
            "arguments": [str(argument) for argument in arguments],
            "env": dict(program.env),
            "pass_fds": pass_fds,
        }
        message = json.dumps(order).encode()
        if len(message) > MESSAGE_BYTES:
            raise ValueError(f"an environment of {len(message):,} bytes")
        with self._orders:
            socket.send_fds(self._orders, [message], pass_fds)
        self.child.has_become(program)
        return self.child

    def kill(self) -> None:
        self._orders.close()
        self.child.kill()
