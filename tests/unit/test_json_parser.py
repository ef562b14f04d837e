"""The one parser of request bodies."""

import json
from typing import Any

import pytest

from api_service.http.json_parser import MAX_DEPTH, parse
from api_service.http.problems import ProblemError, pointer

OUT_OF_RANGE = "A number other than 0 must be within 1e-38 to 1e+38."
NUMBERS_OUT_OF_RANGE = ["1e999", "-1e999", "1e308", "-2e38", "1e-39", "5e-324", "0.1e-999"]
LARGEST, SMALLEST = 2**63 - 1, -(2**63)


def refusal(body: bytes) -> tuple[str, str | None]:
    """Return what is said of a body that is refused, and where."""
    with pytest.raises(ProblemError) as refused:
        parse(body)
    assert refused.value.status_code == 422
    assert refused.value.code == "invalid_body"
    assert refused.value.errors is not None
    (fault,) = refused.value.errors
    return fault.detail, fault.pointer


@pytest.mark.parametrize(
    "document",
    [
        None,
        True,
        0,
        -1.5,
        1e38,
        -1e-38,
        0.0,
        -0.0,
        LARGEST,
        SMALLEST,
        "",
        "é\u2028\U0001f600",
        {"a": [{"a": 1}, {"a": 2}], "b": {"a": 3}},
    ],
)
def test_json_is_accepted_as_it_is(document: Any):
    assert parse(json.dumps(document).encode()) == document
    assert parse(json.dumps(document, ensure_ascii=False).encode()) == document


def test_a_pair_of_surrogate_escapes_is_one_character():
    assert parse(rb'"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    ("body", "detail", "place"),
    [
        (b'{"a": 1, "a": 1}', "The key 'a' is given twice.", "#"),
        (b'{"a": 1, "\\u0061": 1}', "The key 'a' is given twice.", "#"),
        (b'[{"b": {"c": 1, "d": 2, "c": 3}}]', "The key 'c' is given twice.", "#"),
        (b"\xef\xbb\xbf{}", "The body begins with a byte order mark.", "#"),
        (b"NaN", "NaN is not a JSON number.", "#"),
        (b'{"a": Infinity}', "Infinity is not a JSON number.", "#"),
        (b"[-Infinity]", "-Infinity is not a JSON number.", "#"),
        *((f"[{number}]".encode(), OUT_OF_RANGE, "#") for number in NUMBERS_OUT_OF_RANGE),
        (str(LARGEST + 1).encode(), "An integer does not fit 64 bits.", "#"),
        (str(SMALLEST - 1).encode(), "An integer does not fit 64 bits.", "#"),
        (b"9" * 10_000, "An integer does not fit 64 bits.", "#"),
        (
            rb'{"a": ["ok", "x\u0000"]}',
            "The text contains a NUL character or a lone surrogate.",
            "#/a/1",
        ),
        (
            rb'{"a": {"b": "\ud800"}}',
            "The text contains a NUL character or a lone surrogate.",
            "#/a/b",
        ),
        (rb'["\udc00\ud800"]', "The text contains a NUL character or a lone surrogate.", "#/0"),
        (
            rb'{"a": {"\u0000": 1}}',
            "A key contains a NUL character or a lone surrogate.",
            "#/a",
        ),
        (
            rb'{"\udfff": 1}',
            "A key contains a NUL character or a lone surrogate.",
            "#",
        ),
    ],
)
def test_what_cannot_be_kept_faithfully_is_refused_and_located(
    body: bytes, detail: str, place: str
):
    assert refusal(body) == (detail, place)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"[1,]",
        b"[01]",
        b"{} {}",
        b'"\x00"',
        b'"\t"',
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
    ],
    ids=repr,
)
def test_what_is_not_json_is_refused(body: bytes):
    detail, place = refusal(body)

    assert detail.startswith(("The body is not JSON", "The body is not UTF-8."))
    assert place == "#"


@pytest.mark.parametrize(
    "body", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', "é".encode("latin-1")]
)
def test_what_is_not_utf_8_is_refused(body: bytes):
    assert refusal(body) == ("The body is not UTF-8.", "#")


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["[", "{"])
@pytest.mark.parametrize("innermost", [b"[]", b"[1]", b"{}", b'{"a":1}'])
def test_nesting_is_accepted_up_to_the_limit_and_not_beyond(
    opened: bytes, closed: bytes, innermost: bytes
):
    around = MAX_DEPTH - 1

    parse(opened * around + innermost + closed * around)

    deeper = opened * MAX_DEPTH + innermost + closed * MAX_DEPTH
    assert refusal(deeper) == (f"The body is nested deeper than {MAX_DEPTH} levels.", "#")


@pytest.mark.parametrize(
    "body",
    [b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100_000],
    ids=["arrays", "objects", "unclosed"],
)
def test_a_tower_of_brackets_is_refused_like_any_other_nesting(body: bytes):
    detail, _ = refusal(body)

    assert detail.startswith(
        (f"The body is nested deeper than {MAX_DEPTH} levels.", "The body is not JSON")
    )


def test_a_key_repeated_among_many_is_found_in_one_pass():
    members = ",".join(f'"k{number}":0' for number in range(100_000))

    detail, _ = refusal(f'{{{members},"k99999":1}}'.encode())

    assert detail == "The key 'k99999' is given twice."


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), "#"),
        (("constraints", "tenses_used", 0), "#/constraints/tenses_used/0"),
        (("a/b", "m~n"), "#/a~1b/m~0n"),
        (("~1",), "#/~01"),
        (("",), "#/"),
        (("é x%#",), "#/%C3%A9%20x%25%23"),
        (("\ud800",), "#/?"),
    ],
)
def test_a_pointer_is_escaped_as_rfc_6901_has_it_in_fragments(
    path: tuple[str | int, ...], expected: str
):
    assert pointer(*path) == expected
