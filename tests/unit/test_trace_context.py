"""The trace context of a request."""

import pytest

from shared.kafka.records import trace_id_in
from shared.runtime.trace_context import traceparent

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("given", [GIVEN, GIVEN[:-2] + "00", "cc" + GIVEN[2:]])
def test_a_well_formed_traceparent_is_kept(given: str):
    assert traceparent(given) == given


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "ff" + GIVEN[2:],
        GIVEN.upper(),
        GIVEN + "\n",
        GIVEN + "-00",
        f"{GIVEN}, {GIVEN}",
        GIVEN[:-1],
        GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        GIVEN.replace("00f067aa0ba902b7", "0" * 16),
        GIVEN.replace("-", "_"),
    ],
)
def test_a_trace_is_started_where_none_well_formed_is_given(given: str | None):
    started = traceparent(given)

    assert started != given
    assert traceparent(started) == started


def test_each_started_trace_is_another():
    assert traceparent(None) != traceparent(None)


@pytest.mark.parametrize(
    ("headers", "trace_id"),
    [
        ([("ce_id", b"1"), ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode())], "a" * 32),
        ([("traceparent", f"00-{'0' * 32}-{'b' * 16}-01".encode())], None),
        ([("traceparent", b"\xff")], None),
        ([("traceparent", None)], None),
        ([], None),
    ],
)
def test_the_trace_of_a_record_stands_in_its_headers(
    headers: list[tuple[str, bytes | None]], trace_id: str | None
):
    assert trace_id_in(headers) == trace_id
