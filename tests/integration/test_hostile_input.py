"""A hundred hostile requests, byte by byte: each is refused with a problem, and nothing is kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.support.served import Served, the_api_served

LIST = b"/generation-requests"
TYPED = b"/sentences/generate"
KNOWN = LIST + b"/019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"
MAX_BODY_BYTES = 65_536
ACCEPTED = b'{"entity_type":"sentence"}'
JSON_TYPE = b"Content-Type: application/json"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as its bytes, and what is said of it."""

    status: int
    code: str
    method: bytes = b"POST"
    target: bytes = LIST
    headers: tuple[bytes, ...] = ()
    body: bytes = b""
    places: tuple[str, ...] = field(default=())

    @property
    def raw(self) -> bytes:
        head = (self.method + b" " + self.target + b" HTTP/1.1", b"Host: test", *self.headers)
        return b"\r\n".join((*head, b"", self.body))


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to the server, on which requests follow each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, raw: bytes) -> None:
        self._writer.write(raw)
        await self._writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(10):
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
            }
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(status=int(first.split()[1]), headers=headers, body=body)


@asynccontextmanager
async def connection_to(served: Served) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """One API for all: none of them leaves anything."""
    async with the_api_served(max_body_bytes=MAX_BODY_BYTES) as api:
        yield api


def posted(
    body: bytes,
    *places: str,
    status: int = 422,
    code: str = "invalid_body",
    target: bytes = LIST,
    headers: tuple[bytes, ...] = (JSON_TYPE,),
) -> Sent:
    length = b"Content-Length: %d" % len(body)
    return Sent(
        status=status,
        code=code,
        target=target,
        headers=(*headers, length),
        body=body,
        places=places,
    )


def unfit(body: bytes, *places: str, target: bytes = LIST) -> Sent:
    return posted(body, *places, code="invalid_request", target=target)


def with_metadata(metadata: bytes, *places: str) -> Sent:
    return posted(b'{"entity_type":"sentence","metadata":' + metadata + b"}", *places)


def got(target: bytes, *places: str, status: int = 422, code: str = "invalid_request") -> Sent:
    return Sent(method=b"GET", target=target, status=status, code=code, places=places)


def headed(*headers: bytes) -> Sent:
    return posted(ACCEPTED, status=415, code="unsupported_media_type", headers=headers)


def too_large(*headers: bytes, body: bytes = b"") -> Sent:
    return Sent(status=413, code="body_too_large", headers=(JSON_TYPE, *headers), body=body)


def chunked(body: bytes, size: int) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def padded(size: int) -> bytes:
    return ACCEPTED + b" " * (size - len(ACCEPTED))


CHUNKED = b"Transfer-Encoding: chunked"
NOT_JSON = [
    b"{", b"}", b"[1,]", b'{"a":1,}', b"{'a':1}", b"{a:1}", b"undefined", b"tru", b"True", b"+1",
    b"01", b".5", b"1.", b"0x10", b"1e", b'"\t"', b'"\\x41"', b'"\\u12"', b"\xef\xbb\xbf{}",
    b"{} {}", b"<a/>", b"entity_type=sentence", b"\x00", b" ", b"/*c*/{}", b"-", b'"',
    b"\x1f\x8b\x08\x00", b"[" * 60_000, b'{"a":' * 12_000, b"--b\r\n\r\n1\r\n--b--",
]  # fmt: skip
NOT_UTF_8 = [
    b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"', b'{"\xe9":1}',
    "{}".encode("utf-16"), "{}".encode("utf-32"),
]  # fmt: skip
NUMBERS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e308", b"1e39", b"1e-39", b"5e-324",
    b"0.1e-9999", b"9223372036854775808", b"-9223372036854775809", b"9" * 60_000,
]  # fmt: skip
NOT_OBJECTS = [b"null", b"[]", b"1", b'""', b"true", b'"{}"', b"[{}]"]
PATHS = [
    b"/%00", b"/%FF", b"/%", b"/..%2f..%2fetc/passwd", b"/generation-requests/",
    b"/generation-requests//", b"/GENERATION-REQUESTS", b"//generation-requests",
    b"/generation-requests%00", b"/sentences%2Fgenerate/x",
    b"/" + b"a" * 30_000, b"/;@:&=+$,!~*'()", b"/docs/", b"/docs/..%2fmain.py",
]  # fmt: skip
IDS = [
    b"%00", b"%ff", b"a" * 30_000, b"0", b"-1", b"null", b"019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a1",
    b"019aa3f05d1c7b3e9c550b7c5d1f2a10", b"019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10%00",
    b"019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10%20",
    b"'%20OR%201=1--", b"%F0%9F%92%A9", b"%ED%A0%80", b"..", b"%2e%2e",
]  # fmt: skip
HOSTILE = [
    *(posted(body, "#") for body in NOT_JSON),
    *(posted(body, "#") for body in NOT_UTF_8),
    *(with_metadata(b'{"a":' + number + b"}", "#") for number in NUMBERS),
    *(unfit(body, "#") for body in NOT_OBJECTS),
    # Text and keys
    with_metadata(b'{"a":"\\u0000"}', "#/metadata/a"),
    with_metadata(b'{"a":"\\ud800"}', "#/metadata/a"),
    with_metadata(b'{"a":["\\udc00\\ud800"]}', "#/metadata/a/0"),
    with_metadata(b'{"\\u0000":1}', "#/metadata"),
    with_metadata(b'{"a":1,"a":2}', "#"),
    with_metadata(b'{"a":1,"\\u0061":2}', "#"),
    with_metadata(b"[" * 31 + b"[]" + b"]" * 31, "#"),
    with_metadata(b'{"a":' * 3000 + b"1" + b"}" * 3000, "#"),
    posted(b'{"entity_type":"sentence","entity_type":"sentence"}', "#"),
    # Fields
    unfit(b"{}", "#/entity_type"),
    unfit(b'{"entity_type":"__proto__"}', "#/entity_type"),
    unfit(b'{"entity_type":{"$ne":""}}', "#/entity_type"),
    unfit(b'{"entity_type":"sentence","id":1}', "#/id"),
    unfit(b'{"entity_type":"sentence","":1}', "#/"),
    unfit(b'{"entity_type":"sentence","a/b~c":1}', "#/a~1b~0c"),
    unfit(b'{"entity_type":"sentence","count":9223372036854775807}', "#/count"),
    unfit(b'{"entity_type":"sentence","count":1.5}', "#/count"),
    unfit(b'{"entity_type":"sentence","count":"1"}', "#/count"),
    unfit(b'{"entity_type":"sentence","count":true}', "#/count"),
    unfit(b'{"entity_type":"sentence","priority":"HIGH"}', "#/priority"),
    unfit(b'{"entity_type":"sentence","metadata":[]}', "#/metadata"),
    unfit(b'{"entity_type":"sentence","constraints":[]}', "#/constraints"),
    unfit(b'{"entity_type":"sentence","constraints":{"__class__":1}}', "#/constraints/__class__"),
    unfit(
        b'{"entity_type":"sentence","constraints":{"verb_infinitives":["%b"]}}' % (b"a" * 61),
        "#/constraints/verb_infinitives/0",
    ),
    unfit(
        b'{"entity_type":"sentence","constraints":{"target_language_code":"fra\\n"}}',
        "#/constraints/target_language_code",
    ),
    unfit(b'{"entity_type":"sentence"}', "#/entity_type", target=TYPED),
    unfit(b'{"constraints":{"is_correct":0}}', "#/constraints/is_correct", target=TYPED),
    # Media types and codings
    headed(),
    *(
        headed(b"Content-Type: " + media_type)
        for media_type in (
            b"",
            b"text/plain",
            b"application/jsonp",
            b"application/json2",
            b"json",
            b"*/*",
            b"multipart/form-data; boundary=b",
            b"application/x-www-form-urlencoded",
            b"text/json",
            b"\xff\xfe",
            b"application/xml; application/json",
            b"application/json; charset=latin1",
            b'application/json; profile=x; charset="iso-8859-1"',
        )
    ),
    headed(JSON_TYPE, b"Content-Encoding: gzip"),
    headed(JSON_TYPE, b"Content-Encoding: identity, br"),
    # Sizes
    too_large(b"Content-Length: %d" % (MAX_BODY_BYTES + 1), body=padded(MAX_BODY_BYTES + 1)),
    too_large(CHUNKED, body=chunked(padded(MAX_BODY_BYTES + 1), 1000)),
    too_large(CHUNKED, body=chunked(padded(MAX_BODY_BYTES * 8), MAX_BODY_BYTES * 8)),
    too_large(CHUNKED, body=chunked(b"\xff" * 200_000, 7)),
    posted(b"", "#", code="invalid_request"),
    Sent(status=422, code="invalid_request", headers=(JSON_TYPE, CHUNKED), body=chunked(b"", 1)),
    # Queries
    *(
        posted(ACCEPTED, *places, code="invalid_request", target=LIST + query)
        for query, *places in (
            (b"?count=3", "count"),
            (b"?%00", "\ufffd"),
            (b"?%ff=%ff", ""),
            (b"?" + b"&".join(b"%d=" % number for number in range(5000)),),
        )
    ),
    got(KNOWN + b"?a=1", "a"),
    got(KNOWN + b"?request_id=1", "request_id"),
    got(LIST + b"?limit=" + b"9" * 30_000, "limit"),
    got(LIST + b"?limit=1&limit=2", "limit"),
    got(LIST + b"?limit=%00", "limit"),
    got(LIST + b"?limit=1%", "limit"),
    got(LIST + b"?status=%ff", "status"),
    got(LIST + b"?status[]=failed", "status[]"),
    got(LIST + b"?entity_type=sentence'--", "entity_type"),
    got(LIST + b"?cursor=" + b"A" * 30_000, "cursor"),
    *(
        got(LIST + b"?cursor=" + cursor, "cursor", code="invalid_cursor")
        for cursor in (b"", b"A", b"%2B%2F", b"%F0%9F%92%A9", b"..", b"MDEyMzQ1Njc4W10", b"=====")
    ),
    # Paths and methods
    *(got(path, status=404, code="not_found") for path in PATHS),
    *(got(LIST + b"/" + request_id, "request_id") for request_id in IDS),
    *(
        Sent(method=method, status=405, code="method_not_allowed")
        for method in (b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"PROPFIND")
    ),
    # Headers
    posted(b"{", "#", headers=(JSON_TYPE, b"traceparent: \xff\xfe")),
    posted(b"{", "#", headers=(JSON_TYPE, b"traceparent: " + b"0" * 30_000)),
    posted(b"{", "#", headers=(JSON_TYPE, b"X-Forwarded-For: \xff")),
    posted(b"{", "#", headers=(JSON_TYPE, *(b"X-%d: a" % number for number in range(500)))),
]


def named(sent: Sent) -> str:
    target, body = ascii(sent.target)[2:-1], ascii(sent.body)[2:-1]
    headers = "" if not sent.headers else ascii(sent.headers[0])[2:-1]
    return f"{sent.method.decode()} {target[:40]} {headers[:30]} {body[:40]}"


def test_there_are_over_a_hundred():
    assert len({sent.raw for sent in HOSTILE}) == len(HOSTILE) > 100


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sent", HOSTILE, ids=named)
async def test_it_is_refused_with_a_problem(served: Served, sent: Sent):
    async with connection_to(served) as connection:
        await connection.send(sent.raw)
        answer = await connection.answer()

    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = json.loads(answer.body)
    assert (answer.status, problem["status"], problem["code"]) == (
        sent.status,
        sent.status,
        sent.code,
    )
    places = [fault.get("pointer", fault.get("parameter")) for fault in problem.get("errors", [])]
    assert places == [*sent.places] or (not sent.places and places)
    assert len(answer.body) < MAX_BODY_BYTES
    assert ("connection" in answer.headers) == (sent.status == 413)
    assert await served.accepted() == 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sent", [sent for sent in HOSTILE if sent.status != 413], ids=named)
async def test_the_connection_goes_on_after_a_refusal(served: Served, sent: Sent):
    async with connection_to(served) as connection:
        await connection.send(sent.raw)
        await connection.answer()
        await connection.send(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        answer = await connection.answer()

    assert (answer.status, answer.body) == (200, b'{"status":"alive"}')


NO_HTTP = {
    "path": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: test\r\n\r\n",
    "query": b"GET /generation-requests?status=\xff HTTP/1.1\r\nHost: test\r\n\r\n",
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "target": b"GET http://[/x HTTP/1.1\r\nHost: test\r\n\r\n",
    "length": b"POST /generation-requests HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "huge length": b"POST /generation-requests HTTP/1.1\r\nContent-Length: "
    + b"9" * 30
    + b"\r\n\r\n",
    "two lengths": b"POST /generation-requests HTTP/1.1\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=[*NO_HTTP])
async def test_what_is_no_http_is_a_problem_too(served: Served, raw: bytes):
    async with connection_to(served) as connection:
        await connection.send(raw)
        answer = await connection.answer()

    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.body)["code"] == "bad_request"
    assert await served.accepted() == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_no_more_than_the_limit_is_read_before_the_answer(served: Served):
    """The client goes on sending for ever; the answer does not wait for it to end."""
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    head = Sent(status=413, code="body_too_large", headers=(JSON_TYPE, CHUNKED)).raw
    async with connection_to(served) as connection:
        await connection.send(head + chunk * (MAX_BODY_BYTES // 0x1000 + 1))
        answer = await connection.answer()

    assert (answer.status, json.loads(answer.body)["code"]) == (413, "body_too_large")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_length_over_the_limit_is_refused_before_a_byte_is_sent(served: Served):
    length = b"Content-Length: %d" % (MAX_BODY_BYTES + 1)
    async with connection_to(served) as connection:
        await connection.send(too_large(length).raw)
        answer = await connection.answer()

    assert answer.status == 413
