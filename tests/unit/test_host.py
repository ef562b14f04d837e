"""What may stand in a `Host` header: RFC 9110, section 7.2, and RFC 3986, section 3.2.2."""

import pytest

from shared.http.host import is_host


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":8000",
        "api.example.org",
        "api.example.org:8000",
        "api.example.org:",
        "api_service:8000",
        "a%2Db",
        "192.0.2.7:80",
        "[::1]",
        "[2001:db8::1]:8000",
        "[::ffff:192.0.2.7]",
        "[v1.fe80::a+en1]",
    ],
)
def test_a_name_or_an_address_with_or_without_a_port_is_a_host(value: str):
    assert is_host(value.encode())


@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "a/b",
        "http://a",
        "user@a",
        "a:b",
        "a:80:80",
        "a:-1",
        "a?b",
        "a#b",
        'a"b',
        "a\\b",
        "a%2",
        "a%zz",
        "é",
        "::1",
        "[::1",
        "::1]",
        "[]",
        "[::1]8000",
        "[1::2::3]",
        "[192.0.2.7]",
        "[fe80::1%25en1]",
        "[v1.]",
        "a\x00b",
    ],
)
def test_anything_else_is_none(value: str):
    assert not is_host(value.encode())


def test_a_long_value_is_given_up_at_once():
    assert not is_host(b"a%20" * 15_000 + b"/")
