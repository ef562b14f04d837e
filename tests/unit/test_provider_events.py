"""Events are found in bytes, wherever the bytes are cut."""

import time

import pytest

from worker_service.providers.event_parsers import Parser
from worker_service.providers.events import parser_for

STREAM, LINES, JSON = "text/event-stream", "application/x-ndjson", "application/json"
END = b"[DONE]"


def fed(parser: Parser, *pieces: bytes) -> list[bytes]:
    """Return all that comes of a body."""
    return [event for piece in pieces for event in parser.feed(piece)] + parser.end()


BODIES = {
    "line feeds": (STREAM, b"data: {1}\n\ndata: {2}\n\n", [b"{1}", b"{2}"]),
    "returns": (STREAM, b"data: {1}\r\rdata: {2}\r\r", [b"{1}", b"{2}"]),
    "both": (STREAM, b"data: {1}\r\n\r\ndata: {2}\r\n\r\n", [b"{1}", b"{2}"]),
    "no space": (STREAM, b"data:{1}\n\n", [b"{1}"]),
    "only the first space": (STREAM, b"data:  {1}\n\n", [b" {1}"]),
    "several lines": (STREAM, b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}']),
    "empty lines of data": (STREAM, b"data\ndata:\n\n", [b"\n"]),
    "comments": (STREAM, b": alive\n\n:\n\ndata: {1}\n: more\n\n", [b"{1}"]),
    "other fields": (STREAM, b"event: x\nid: 7\nretry: 9\ndatax: 1\ndata: {1}\n\n", [b"{1}"]),
    "an event without data": (STREAM, b"event: ping\n\ndata: {1}\n\n", [b"{1}"]),
    "a byte-order mark": (STREAM, b"\xef\xbb\xbfdata: {1}\n\n", [b"{1}"]),
    "without the last empty line": (STREAM, b"data: {1}\n\ndata: {2}\n", [b"{1}", b"{2}"]),
    "without the last line feed": (STREAM, b"data: {1}\n\ndata: {2}", [b"{1}", b"{2}"]),
    "events that say JSON": (JSON, b"data: {1}\n\n", [b"{1}"]),
    "events that say text": ("text/plain", b"\n\n: hi\n\ndata: {1}\n\n", [b"{1}"]),
    "events that say nothing": ("", b"event: x\ndata: {1}\n\n", [b"{1}"]),
    "events in capitals": ("Text/Event-Stream; Charset=Latin1", b"\ndata: {1}\n\n", [b"{1}"]),
    "an unknown field first": (STREAM, b"x: 1\ndata: {1}\n\n", [b"{1}"]),
    "JSON that says events": (STREAM, b'{"a": 1}', [b'{"a": 1}', END]),
    "lines that say JSON": (JSON, b'{"a": 1}\n{"b": 2}\n', [b'{"a": 1}', b'{"b": 2}']),
    "lines of another name": ("application/JSONL", b"{1}\n{2}", [b"{1}", b"{2}"]),
    "one line that says JSON": (JSON, b'{"a": 1}\n', [b'{"a": 1}', END]),
    "a byte-order mark before JSON": (JSON, b'\xef\xbb\xbf {"a": 1}', [b'{"a": 1}', END]),
    "a page": ("text/html", b"<html>data: {1}\n\n", [b"<html>data: {1}\n\n", END]),
    "empty lines alone": (JSON, b"\n\n \n", [END]),
    "letters of several bytes": (STREAM, "data: é\u2028\n\n".encode(), ["é\u2028".encode()]),
    "JSON lines": (LINES, b"{1}\n\n \r\n{2}", [b"{1}", b"{2}"]),
    "JSON lines and returns": (LINES, b"{1}\r\n{2\r3}\n", [b"{1}\r", b"{2\r3}"]),
    "several lines after one": (STREAM, b"data: 1\n\ndata: 2\ndata: 3\n\n", [b"1", b"2\n3"]),
    "a comment after an event": (STREAM, b"data: 1\n\n: hi\n\ndata: 2\n\n", [b"1", b"2"]),
    "returns after line feeds": (STREAM, b"data: 1\n\ndata: 2\r\n\r\n", [b"1", b"2"]),
    "JSON": (JSON, b'{"a":\n1}\n', [b'{"a":\n1}\n', END]),
    "nothing": (JSON, b"", [END]),
}


@pytest.mark.parametrize(("media_type", "body", "events"), BODIES.values(), ids=BODIES)
def test_events_are_the_same_wherever_their_bytes_are_cut(
    media_type: str, body: bytes, events: list[bytes]
):
    assert fed(parser_for(media_type), body) == events
    assert fed(parser_for(media_type), *(bytes([byte]) for byte in body)) == events
    for cut in range(len(body)):
        assert fed(parser_for(media_type), body[:cut], b"", body[cut:]) == events


def test_an_event_is_there_as_soon_as_its_last_byte_has_come():
    parser = parser_for(STREAM)

    assert parser.feed(b"data: {1}\r\n\r") == [b"{1}"]
    assert parser.feed(b"\ndata: {2}\r\n\r\n") == [b"{2}"]


def test_a_long_line_is_not_copied_with_every_piece():
    parser, piece = parser_for(STREAM), b"x" * 1_000
    begun = time.process_time()

    for _ in range(30_000):
        parser.feed(piece)

    assert time.process_time() - begun < 5  # 450 GB of copies otherwise
