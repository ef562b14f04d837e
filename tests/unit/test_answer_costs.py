"""What an answer has cost so far: the provider's counts, and the pieces where it has none."""

import pytest

from schemas.usage import MOST_TOKENS, Tokens
from worker_service.providers import Spent
from worker_service.providers.dialect import Answer
from worker_service.providers.pieces import count_of


def an_answer(*pieces: str, output_tokens: int | None = None, finish: str | None = None) -> Answer:
    answer = Answer()
    for piece in pieces:
        answer.add(piece)
    answer.count(Tokens(output_tokens=output_tokens))
    answer.finish(finish)
    return answer


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (an_answer(), None),
        (an_answer("a whole text"), None),
        (an_answer("a", "b", "c"), 3),
        (an_answer("a", "b", "c", output_tokens=1), 3),
        (an_answer("a", "b", "c", output_tokens=1, finish="stop"), 1),
        (an_answer("a", "b", "c", output_tokens=0, finish="stop"), 3),
        (an_answer("a", "b", "c", finish="stop"), 3),
        (an_answer("a", "b", output_tokens=9), 9),
        (an_answer(output_tokens=9), 9),
    ],
    ids=[
        "nothing came",
        "one piece",
        "pieces",
        "fewer counted so far",
        "counted at the end",
        "nothing counted at the end",
        "not counted at the end",
        "counted",
        "counted and silent",
    ],
)
def test_pieces_stand_for_tokens_that_are_not_counted(answer: Answer, tokens: int | None):
    spent = Spent()

    answer.note_cost(spent)

    assert spent.tokens.output_tokens == tokens


def test_a_later_count_takes_none_back_by_saying_nothing():
    answer = Answer()
    answer.count(Tokens(input_tokens=11, output_tokens=1))
    answer.count(Tokens(input_tokens=0, output_tokens=7, reasoning_tokens=0))
    answer.count(Tokens())

    assert answer.tokens == Tokens(input_tokens=11, output_tokens=7, reasoning_tokens=0)


@pytest.mark.parametrize(
    ("said", "count"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (MOST_TOKENS, MOST_TOKENS),
        (MOST_TOKENS + 1, None),
        (-1, None),
        (1.5, None),
        ("7", None),
        (True, None),
        (None, None),
        (float("nan"), None),
    ],
    ids=str,
)
def test_a_count_is_an_integer_within_bounds_or_unknown(said: object, count: int | None):
    assert count_of({"tokens": said}, "tokens") == count


def test_a_count_is_unknown_that_has_no_name():
    assert count_of({}, "tokens") is None
    assert Tokens() == Tokens(input_tokens=None, output_tokens=None, reasoning_tokens=None)
