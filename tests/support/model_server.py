"""An outside model over HTTP, in the test's own process: it outlives the workers that call it.

It answers each item as its script says, one verdict for each call and the last one for ever, and
notes every call. Who calls is told by the key, which item it is about by the prompt, and which row
of `provider_calls` it will be by a header.
"""

import asyncio
import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.http.server import Server, listen
from tests.support.waiting import eventually

PATH = "/v1/chat/completions"
CALL_ID, PROCESS = "X-Call-Id", "X-Process"
RETRY_AFTER_SECONDS = 1
_DRIP_SECONDS = 0.25
_KEPT_SECONDS = 3600
"""An idle connection that is closed may lose a call that was just sent: then nothing counts it."""
_ITEM = re.compile(r"sentence number (?P<number>\d+) of a varied series about (?P<tag>[\w-]+),")


class Verdict(StrEnum):
    """How the model answers a call."""

    GOOD = "good"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    WITH_NUL = "with_nul"
    SCHEMA_INVALID = "schema_invalid"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    HUNG = "hung"
    DRIPPING = "dripping"
    DROPPED = "dropped"


class Mood(StrEnum):
    """How the whole model does for a while, whatever the scripts say."""

    WELL = "well"
    KEYS_REFUSED = "keys_refused"
    DOWN = "down"
    OVERRUN = "overrun"


TURNED_AWAY = "turned away"
"""The text of an answer to a call that was not worked on."""

_OVERRUN = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_MOODS = {
    Mood.KEYS_REFUSED: Response(TURNED_AWAY, status_code=401),
    Mood.DOWN: Response(TURNED_AWAY, status_code=503),
    Mood.OVERRUN: Response(TURNED_AWAY, status_code=429, headers=_OVERRUN),
}

Script = tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """What a call is about: an ordinal of the request that has this tag."""

    tag: str
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that arrived `at` (seconds of the epoch), from a process of a worker."""

    worker: str
    item: Item
    at: float
    process: int = 0
    call_id: UUID = field(default_factory=uuid4)


class _Dropped(ConnectionResetError):
    """The model hangs up in the middle of its answer."""


@dataclass
class Model:
    """The model's behaviour and its book of calls.

    `script_of` tells how the calls for an item are answered. `arrived` is told of each call,
    before the answer. `calls` were worked on as scripted, those that the mood turned away were not.
    `answered_at` is when a call had its answer, in seconds of the epoch.
    """

    script_of: Callable[[Item], Script]
    arrived: Callable[[Call], None] = lambda _: None
    latency_of: Callable[[Item], float] = lambda _: 0.0
    mood: Mood = Mood.WELL
    calls: list[Call] = field(default_factory=list)
    turned_away: list[Call] = field(default_factory=list)
    answered_at: dict[UUID, float] = field(default_factory=dict)
    _made: defaultdict[Item, int] = field(default_factory=lambda: defaultdict(int))
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        """Answer a call."""
        try:
            call = _read(request.headers, await request.json())
        except ClientDisconnect:
            return Response()  # the caller is dead, and was never heard
        if self.mood is not Mood.WELL:
            self.turned_away.append(call)
            self.answered_at[call.call_id] = time.time()
            return _MOODS[self.mood]
        script = self.script_of(call.item)
        verdict = script[min(self._made[call.item], len(script) - 1)]
        self._made[call.item] += 1
        self.calls.append(call)
        self.arrived(call)
        await self._think(self.latency_of(call.item))
        if verdict not in _UNENDING:
            self.answered_at[call.call_id] = time.time()
        return self._respond(verdict, call.item)

    def close(self) -> None:
        """End the calls that hang."""
        self._closing.set()

    async def _think(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    def _respond(self, verdict: Verdict, item: Item) -> Response:
        match verdict:
            case Verdict.RATE_LIMITED:
                return Response(status_code=429, headers=_OVERRUN)
            case Verdict.SERVER_ERROR:
                return Response(status_code=500)
            case Verdict.HUNG:
                return StreamingResponse(self._nothing())
            case Verdict.DRIPPING:
                return StreamingResponse(self._drops())
            case Verdict.DROPPED:
                return StreamingResponse(_half())
            case _:
                return _completion(verdict, _sentence(item))

    async def _nothing(self) -> AsyncIterator[bytes]:
        await self._closing.wait()
        yield b""

    async def _drops(self) -> AsyncIterator[bytes]:
        """Send a byte now and then, so that no wait for the next byte ever runs out."""
        while not self._closing.is_set():
            yield b" "
            await self._think(_DRIP_SECONDS)


async def _half() -> AsyncIterator[bytes]:
    yield b'{"choices": ['
    raise _Dropped


_UNENDING = (Verdict.HUNG, Verdict.DRIPPING)


def _read(headers: Mapping[str, str], body: dict[str, Any]) -> Call:
    found = _ITEM.search(body["messages"][-1]["content"])
    assert found is not None, "the prompt names the tag of its request"
    item = Item(found["tag"], int(found["number"]) - 1)
    return Call(
        worker=headers["Authorization"].removeprefix("Bearer "),
        item=item,
        at=time.time(),
        process=int(headers[PROCESS]),
        call_id=UUID(headers[CALL_ID]),
    )


_REASONS = {Verdict.TRUNCATED: "length", Verdict.REFUSED: "content_filter"}


def _completion(verdict: Verdict, sentence: dict[str, Any]) -> Response:
    message = {"role": "assistant", "content": _text(verdict, sentence)}
    reason = _REASONS.get(verdict, "stop")
    return JSONResponse(
        {
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 60},
        }
    )


def _text(verdict: Verdict, sentence: dict[str, Any]) -> str:
    match verdict:
        case Verdict.WITH_NUL:
            return json.dumps(sentence | {"content": "Nous\0 lisons."})
        case Verdict.SCHEMA_INVALID:
            return json.dumps(sentence | {"tense": "some day"})
        case Verdict.MALFORMED | Verdict.TRUNCATED:
            return json.dumps(sentence)[:20]
        case _:
            return json.dumps(sentence)


def content_of(item: Item) -> str:
    """Return the content of the entity that a good answer holds."""
    return f"Nous lisons le livre {item.ordinal} de {item.tag}."


def _sentence(item: Item) -> dict[str, Any]:
    return {
        "content": content_of(item),
        "translation": f"We are reading book {item.ordinal} of {item.tag}.",
        "pronoun": "nous",
        "tense": "present",
        "direct_object": "none",
        "indirect_object": "none",
        "negation": "none",
        "is_correct": True,
        "explanation": None,
    }


@asynccontextmanager
async def model_served(model: Model) -> AsyncIterator[str]:
    """Serve the model and lend its address."""
    server = Server(Starlette(routes=[Route(PATH, model.answer, methods=["POST"])]))
    server.config.timeout_keep_alive = _KEPT_SECONDS
    listening = listen("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await eventually(lambda: server.started)
    log = logging.getLogger("uvicorn.error")
    log.addFilter(_is_no_drop)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        model.close()
        server.should_exit = True
        await serving
        log.removeFilter(_is_no_drop)


def _is_no_drop(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], _Dropped))
