"""What stands around the JSON of an answer is taken off, and half a JSON is told apart."""

import pytest

from worker_service.providers.answer_text import is_cut, json_of

WHOLE = '{"a": "b", "c": [1, null]}'


@pytest.mark.parametrize("end", range(1, len(WHOLE)))
def test_every_beginning_of_an_object_is_cut(end: int):
    assert is_cut(WHOLE[:end])


@pytest.mark.parametrize("end", [r"{'a': \u00", '{"a": "\\', '{"a": "\\u0', '{"a": "\\u00e9'])
def test_half_an_escape_is_cut_too(end: str):
    assert is_cut(end) is end.startswith('{"')


@pytest.mark.parametrize(
    "text",
    [
        "",
        WHOLE,
        "[",
        '"a',
        "prose",
        '{"a": 1,}',
        '{"a": nope',
        '{"a" 1',
        WHOLE + "x",
        '{"a": "\\ud800"}',
    ],
)
def test_what_is_whole_or_wrong_is_not_cut(text: str):
    assert not is_cut(text)


@pytest.mark.parametrize(
    "text",
    ['{"a": "</think>"}', '{"a": "```"}', "`code`", "``` one fence", "<b>bold</b>", "say ```x```"],
)
def test_nothing_else_is_taken_off(text: str):
    assert json_of(text) == text


def test_a_fence_inside_a_string_ends_no_fence():
    inner = '{"a": "```python\\nprint()\\n```"}'

    assert json_of(f"```json\n{inner}\n```") == inner


@pytest.mark.parametrize(
    "text",
    ["```json" + "\n" * 1_000_000 + "{", "```" + " " * 1_000_000 + "x", "`" * 1_000_000 + "x"],
    ids=["line feeds", "spaces", "backticks"],
)
def test_what_a_model_repeats_without_end_is_read_in_linear_time(text: str):
    """A search that tries every cut would hold up all calls of the worker for hours."""
    assert json_of(text) == text
