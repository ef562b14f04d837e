"""A model server that costs little: `python -m benchmarks.token_server` prints its port and serves.

It speaks as much HTTP/1.1 as its callers need, on a bare asyncio protocol. Each answer is the same
sentence in events made before, which leave one by one at the rate of a hosted model. Answers differ
in length, as those of models do: if all were alike, all streams would end in the same moment.
"""

import asyncio
import json
from collections.abc import Iterator
from itertools import cycle, pairwise
from typing import Any, Final

import uvloop

from benchmarks.entity import ENTITY
from devstack.ports import LOOPBACK

TOKENS: Final = 100
"""Tokens of an answer, on average."""

LENGTHS: Final = (80, 115, 95, 120, 90)
"""Tokens of one answer after the other, over all streams."""

RATE: Final = 40
"""Tokens a second of each stream."""

_PHASES: Final = 5
_BACKLOG: Final = 4_096
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _event(data: str) -> bytes:
    """Return an event as a chunk of the body."""
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def _piece(content: str, *, finish_reason: str | None = None) -> bytes:
    delta = {"content": content} if content else {}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    whole = {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "tiny",
        "system_fingerprint": "fp_0123456789",
        "choices": [choice],
    }
    return _event(json.dumps(whole, separators=(",", ":")))


def _frames(tokens: int) -> Iterator[bytes]:
    text = json.dumps(ENTITY)
    cuts = [len(text) * number // tokens for number in range(tokens + 1)]
    for begin, end in pairwise(cuts):
        yield _piece(text[begin:end])
    yield _piece("", finish_reason="stop") + _event("[DONE]") + b"0\r\n\r\n"


FRAMES: Final = [[*_frames(tokens)] for tokens in LENGTHS]


class Stream(asyncio.Protocol):
    """One connection, with one answer after the other."""

    def __init__(self, phases: Iterator["set[Stream]"], answers: Iterator[list[bytes]]) -> None:
        self._phases = phases
        self._answers = answers
        self._phase: set[Stream] = set()
        self._frames: Iterator[bytes] = iter(())
        self._transport: Any = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self._phase.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if separator and len(body) >= _content_length(head):
            self._received = b""
            self._begin()

    def _begin(self) -> None:
        self._transport.write(_HEAD)
        self._frames = iter(next(self._answers))
        self._phase.discard(self)  # of the answer before, whose turn may not have come again
        self._phase = next(self._phases)
        self._phase.add(self)

    def send_next(self) -> None:
        """Send the next token, or the end."""
        if (frame := next(self._frames, None)) is None:
            self._phase.discard(self)
        else:
            self._transport.write(frame)


def _content_length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))


async def serve() -> None:
    """Send a token of a fifth of the streams at a time, five times in each token's time."""
    loop = asyncio.get_running_loop()
    phases: list[set[Stream]] = [set() for _ in range(_PHASES)]
    turns, answers = cycle(phases), cycle(FRAMES)
    server = await loop.create_server(lambda: Stream(turns, answers), LOOPBACK, 0, backlog=_BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    due = loop.time()
    for phase in cycle(phases):
        due += 1 / RATE / _PHASES
        await asyncio.sleep(max(0.0, due - loop.time()))
        for stream in [*phase]:
            stream.send_next()


if __name__ == "__main__":
    uvloop.run(serve())
