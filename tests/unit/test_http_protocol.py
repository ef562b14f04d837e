"""What a connection does with requests that are broken, too large, late, or too many at once."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import uvloop
from structlog.testing import capture_logs

from shared.http import protocol
from shared.http.error_responses import MAX_HEAD_BYTES
from shared.http.server import Server, listen
from tests.support.waiting import eventually

GET = b"GET /first HTTP/1.1\r\nHost: test\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n%b\r\n"
BROKEN = b"\x00\r\n\r\n"


@dataclass
class Site:
    """A server whose answers to `/held` wait for `release`; any other answer is its body."""

    release: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[str] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    server: Server = field(init=False)
    port: int = 0

    async def __call__(self, scope, receive, send) -> None:
        self.begun.append(scope["path"])
        self.headers = scope["headers"]
        if scope["path"].startswith("/held"):
            await self.release.wait()
        body = scope["path"].encode()
        message = {"more_body": scope["path"] != "/early"}
        while message.get("more_body"):
            message = await receive()
            body += b" " + message.get("body", b"")
        length = b"%d" % len(body)
        headers = [(b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Connection:
    site: Site
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(first.split()[1]), headers, body

    async def refusal(self) -> tuple[int, str]:
        """Return status and code of the last answer: a problem, and nothing after it."""
        status, headers, body = await self.answer()
        assert headers["content-type"] == "application/problem+json"
        assert headers["connection"] == "close"
        problem = json.loads(body)
        assert problem["status"] == status
        await self.end()
        return status, problem["code"]

    async def end(self) -> None:
        """Wait for the end; it is a reset where the server leaves bytes unread."""
        with suppress(ConnectionResetError):
            assert await self.reader.read() == b""


def errors_of(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.ERROR]


Told = Callable[[Connection], Awaitable[None]]


def on_a_connection(tell: Told) -> None:
    """Serve as the services do, on uvloop, and have a test talk to it."""

    async def talk() -> None:
        site, listening = Site(), listen("127.0.0.1", 0)
        site.server = Server(site)
        serving = asyncio.create_task(site.server.serve(sockets=[listening]))
        await eventually(lambda: site.server.started)
        site.port = listening.getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        try:
            async with asyncio.timeout(10):
                await tell(Connection(site, reader, writer))
        finally:
            site.release.set()
            writer.close()
            site.server.should_exit = True
            await serving

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(talk())


def held(connection: Connection, *paths: str) -> Callable[[], bool]:
    return lambda: connection.site.begun == [*paths]


async def served_to(connection: Connection) -> protocol.Protocol:
    state = connection.site.server.server_state
    await eventually(lambda: state.connections)
    (served,) = state.connections
    assert isinstance(served, protocol.Protocol)
    return served


def test_what_is_no_http_is_refused_when_nothing_waits_for_an_answer():
    async def tell(connection: Connection) -> None:
        connection.send(GET)
        assert (await connection.answer())[2] == b"/first "
        connection.send(BROKEN)
        assert await connection.refusal() == (400, "bad_request")

    on_a_connection(tell)


def test_a_refusal_is_one_line_of_the_log():
    async def tell(connection: Connection) -> None:
        connection.send(BROKEN)
        await connection.refusal()

    with capture_logs() as lines:
        on_a_connection(tell)

    assert lines == [
        {"event": "request_refused", "log_level": "info", "status": 400, "code": "bad_request"}
    ]


@pytest.mark.parametrize(
    "broken", [BROKEN, POST % b"Content-Length: 3\r\n", NEXT[:-2] + b"X: " + b"a" * 200_000]
)
def test_a_request_that_came_whole_is_answered_before_the_connection_ends(broken: bytes):
    async def tell(connection: Connection) -> None:
        connection.send(GET.replace(b"/first", b"/held"))
        await eventually(held(connection, "/held"))
        connection.send(broken)
        connection.send(NEXT)
        served = await served_to(connection)
        await eventually(lambda: not served.cycle.keep_alive)
        connection.site.release.set()
        _, headers, body = await connection.answer()
        await connection.end()
        assert (headers["connection"], body) == ("close", b"/held ")
        assert connection.site.begun == ["/held"]

    on_a_connection(tell)


def test_a_late_request_is_refused_by_the_end_of_the_connection_after_an_earlier_answer(
    monkeypatch,
):
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.01)

    async def tell(connection: Connection) -> None:
        served = await served_to(connection)
        connection.send(GET.replace(b"/first", b"/held") + NEXT[:-2])
        await eventually(held(connection, "/held"))
        await eventually(lambda: not served.cycle.keep_alive)
        connection.site.release.set()
        assert (await connection.answer())[2] == b"/held "
        await connection.end()

    on_a_connection(tell)


def test_a_late_body_takes_away_the_pending_answers_before_it(monkeypatch):
    """Only the end of the connection is left: a 408 would be taken for an earlier answer."""
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.01)

    async def tell(connection: Connection) -> None:
        connection.send(GET.replace(b"/first", b"/held") + POST % b"" + b"ab")
        await connection.end()

    on_a_connection(tell)


@pytest.mark.parametrize("sent", [GET.replace(b"/first", b"/held"), GET[:-2], POST % b"" + b"ab"])
def test_a_client_that_sends_no_more_gets_no_answer(sent: bytes):
    async def tell(connection: Connection) -> None:
        connection.send(sent)
        connection.writer.write_eof()
        await connection.end()

    on_a_connection(tell)


def test_a_lost_connection_leaves_nothing_in_the_log(caplog):
    async def tell(connection: Connection) -> None:
        state = connection.site.server.server_state
        connection.send(GET.replace(b"/first", b"/held"))
        await eventually(held(connection, "/held"))
        (served,) = state.connections
        served.transport.abort()
        await eventually(lambda: not state.connections)
        connection.site.release.set()
        await eventually(lambda: not state.tasks)
        assert connection.site.begun == ["/held"]

    on_a_connection(tell)
    assert errors_of(caplog) == []


@pytest.mark.parametrize("size", [MAX_HEAD_BYTES, 300_000])
@pytest.mark.parametrize("name", [b"X", b"X: a\r\n" * 10 + b"Y"])
def test_a_head_that_is_too_large_is_refused(name: bytes, size: int):
    async def tell(connection: Connection) -> None:
        connection.send(GET[:-2] + name + b": " + b"a" * size + b"\r\n\r\n")
        assert await connection.refusal() == (431, "head_too_large")
        assert connection.site.begun == []

    on_a_connection(tell)


def test_a_head_in_parts_is_refused_for_what_they_are_together():
    async def tell(connection: Connection) -> None:
        served = await served_to(connection)
        connection.send(GET[:-2] + b"X: " + b"a" * 60_000 + b"\r\nY: ")
        await eventually(lambda: served.headers and len(served.headers) == 2)
        connection.send(b"a" * 10_000 + b"\r\n\r\n")
        assert await connection.refusal() == (431, "head_too_large")

    on_a_connection(tell)


def test_a_header_without_end_is_refused_before_its_end():
    async def tell(connection: Connection) -> None:
        connection.send(GET[:-2] + b"X: ")
        for _ in range(40):
            connection.send(b"a" * 10_000)
            await connection.writer.drain()
        assert await connection.refusal() == (431, "head_too_large")

    on_a_connection(tell)


def test_a_large_body_before_a_head_that_comes_slowly_is_not_counted_to_it():
    async def tell(connection: Connection) -> None:
        large = b" " * 100_000
        connection.send(POST.replace(b"4", b"100000") % b"" + large + NEXT[:-2])
        await connection.answer()
        connection.send(b"X: a\r\n")
        connection.send(b"\r\n")
        assert (await connection.answer())[2] == b"/next "

    on_a_connection(tell)


@pytest.mark.parametrize("part", [GET[:-2], POST % b"" + b"ab"])
def test_a_request_that_does_not_arrive_in_time_is_refused(part: bytes, monkeypatch):
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.01)

    async def tell(connection: Connection) -> None:
        connection.send(part)
        assert await connection.refusal() == (408, "request_timeout")

    on_a_connection(tell)


def test_a_body_that_is_late_after_its_answer_ends_without_another_answer(monkeypatch):
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.01)

    async def tell(connection: Connection) -> None:
        connection.send((POST % b"").replace(b"/body", b"/early"))
        assert (await connection.answer())[2] == b"/early"
        await connection.end()

    on_a_connection(tell)


def test_a_request_that_is_whole_may_take_longer(monkeypatch):
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 0.0)

    async def tell(connection: Connection) -> None:
        connection.send(GET.replace(b"/first", b"/held"))
        await eventually(held(connection, "/held"))
        connection.site.release.set()
        assert (await connection.answer())[2] == b"/held "
        connection.send(NEXT)
        assert (await connection.answer())[2] == b"/next "

    on_a_connection(tell)


@pytest.mark.parametrize("rest", [b"cd", None], ids=["whole", "lost"])
def test_the_wait_for_a_request_ends_with_it(rest: bytes | None, monkeypatch):
    async def tell(connection: Connection) -> None:
        loop, waits = asyncio.get_running_loop(), list[asyncio.TimerHandle]()

        def call_later(*call) -> asyncio.TimerHandle:
            waits.append(loop.call_later(*call))
            return waits[-1]

        served = await served_to(connection)
        spy = SimpleNamespace(call_later=call_later, create_task=loop.create_task)
        monkeypatch.setattr(served, "loop", spy)
        connection.send(POST % b"" + b"ab")
        await eventually(held(connection, "/body"))
        assert [wait.cancelled() for wait in waits] == [False]
        if rest is None:
            served.transport.abort()
        else:
            connection.send(rest)
        await eventually(waits[0].cancelled)

    on_a_connection(tell)


def test_a_body_that_is_unfinished_at_the_end_of_the_server_is_refused(monkeypatch, caplog):
    monkeypatch.setattr(protocol, "DRAIN_SECONDS", 0.01)

    async def tell(connection: Connection) -> None:
        connection.send(POST % b"" + b"ab")
        await eventually(held(connection, "/body"))
        connection.site.server.should_exit = True
        assert await connection.refusal() == (503, "draining")

    on_a_connection(tell)
    assert errors_of(caplog) == []


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_with_a_body_is_refused_at_once(protocol: bytes, caplog):
    async def tell(connection: Connection) -> None:
        wish = b"Connection: Upgrade\r\nUpgrade: %b\r\n" % protocol
        connection.send(POST % wish + b"abcd")
        assert await connection.refusal() == (400, "bad_request")
        assert connection.site.begun == []

    on_a_connection(tell)
    assert errors_of(caplog) == []


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_without_a_body_is_ignored_and_the_connection_closed(protocol: bytes):
    async def tell(connection: Connection) -> None:
        wish = b"Connection: Upgrade\r\nUpgrade: %b\r\n" % protocol
        connection.send(GET[:-2] + wish + b"\r\n" + NEXT)
        _, headers, body = await connection.answer()
        await connection.end()
        assert (headers["connection"], body) == ("close", b"/first ")
        assert connection.site.begun == ["/first"]

    on_a_connection(tell)


class WebSocket(asyncio.Protocol):
    """Stands for uvicorn's implementation; it answers with what it is given."""

    def __init__(self, **_) -> None:
        self.transport: asyncio.Transport

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()


@pytest.mark.parametrize("split_at", [1, 30, None], ids=["start", "middle", "whole"])
def test_a_websocket_passes_to_its_own_protocol(split_at: int | None, monkeypatch):
    async def tell(connection: Connection) -> None:
        served = await served_to(connection)
        monkeypatch.setattr(served, "ws_protocol_class", WebSocket)
        wish = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        connection.send(wish[:split_at])
        if split_at is not None:
            await eventually(lambda: served.scope)
            connection.send(wish[split_at:])
        handed_over = (await connection.reader.read()).lower()
        assert handed_over == wish.lower()
        assert connection.site.begun == []

    on_a_connection(tell)


@pytest.mark.parametrize(
    "hosts",
    [b"", b"Host: test\r\nHost: test\r\n", b"Host: a/b\r\n", b"Host: [::1\r\n"],
    ids=["none", "two", "a path", "half an address"],
)
def test_a_request_without_one_host_is_refused(hosts: bytes):
    async def tell(connection: Connection) -> None:
        connection.send(b"GET /first HTTP/1.1\r\n" + hosts + b"\r\n")

        assert await connection.refusal() == (400, "bad_request")
        assert connection.site.begun == []

    on_a_connection(tell)


def test_a_malformed_host_is_refused_in_http_1_0_too():
    async def tell(connection: Connection) -> None:
        connection.send(b"GET /first HTTP/1.0\r\nHost: a b\r\n\r\n")

        assert await connection.refusal() == (400, "bad_request")

    on_a_connection(tell)


def test_spaces_around_a_host_are_no_part_of_it():
    async def tell(connection: Connection) -> None:
        connection.send(b"GET /first HTTP/1.1\r\nHost: \t test:80 \t\r\n\r\n")

        assert (await connection.answer())[0] == 200

    on_a_connection(tell)


def test_http_1_0_needs_no_host():
    async def tell(connection: Connection) -> None:
        connection.send(b"GET /first HTTP/1.0\r\n\r\n")

        status, _, body = await connection.answer()
        assert (status, body) == (200, b"/first ")

    on_a_connection(tell)


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (b"BREW /pot HTTP/1.1\r\nHost: test\r\n\r\n", (501, "not_implemented")),
        (b"get /first HTTP/1.1\r\nHost: test\r\n\r\n", (501, "not_implemented")),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", (400, "bad_request")),
        (b"GET/first HTTP/1.1\r\n\r\n", (400, "bad_request")),
    ],
)
def test_a_method_that_http_does_not_have_is_not_implemented(sent: bytes, refusal: tuple[int, str]):
    async def tell(connection: Connection) -> None:
        connection.send(sent)

        assert await connection.refusal() == refusal

    on_a_connection(tell)


def test_a_tunnel_is_not_opened():
    async def tell(connection: Connection) -> None:
        connection.send(b"CONNECT /first HTTP/1.1\r\nHost: test\r\n\r\n" + NEXT)
        assert await connection.refusal() == (400, "bad_request")
        assert connection.site.begun == []

    on_a_connection(tell)


def test_trailers_are_passed_over():
    async def tell(connection: Connection) -> None:
        chunked = b"POST /body HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(chunked + b"2\r\nab\r\n0\r\nX: a\r\n\r\n")
        assert (await connection.answer())[2].replace(b" ", b"") == b"/bodyab"
        assert connection.site.headers == [(b"host", b"test"), (b"transfer-encoding", b"chunked")]

    on_a_connection(tell)


def test_trailers_without_end_are_refused():
    async def tell(connection: Connection) -> None:
        chunked = b"POST /body HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(chunked + b"2\r\nab\r\n0\r\nX: ")
        for _ in range(40):
            connection.send(b"a" * 10_000)
            await connection.writer.drain()
        assert await connection.refusal() == (431, "head_too_large")

    on_a_connection(tell)


def test_a_body_that_comes_slowly_may_be_larger_than_a_head():
    async def tell(connection: Connection) -> None:
        connection.send(POST.replace(b"4", b"400000") % b"")
        for _ in range(40):
            connection.send(b" " * 10_000)
            await connection.writer.drain()
        assert (await connection.answer())[0] == 200

    on_a_connection(tell)
