"""A lazy sequence that is read by position."""

from collections.abc import Iterator

import pytest

from demo_provider.french.errors import UnknownVerb
from demo_provider.french.sentences import SentenceBrief, make_sentence
from demo_provider.french.stream import Stream


def _two_and_a_failure() -> Iterator[str]:
    yield "first"
    yield "second"
    raise LookupError("no third")


def test_what_ended_the_source_is_told_to_everybody_who_asks_for_more():
    stream = Stream(_two_and_a_failure())

    for ordinal in (2, 3, 2):
        with pytest.raises(LookupError, match="no third"):
            stream.find(ordinal)

    assert stream.find(1) == "second"


def test_a_source_that_simply_ends_has_no_more():
    stream = Stream(iter("ab"))

    assert [stream.find(ordinal) for ordinal in (2, 1, 2)] == [None, "b", None]


def test_every_item_of_a_request_is_told_which_verb_is_unknown():
    brief = SentenceBrief(verbs=("bouillir",))

    for ordinal in range(3):
        with pytest.raises(UnknownVerb, match="'bouillir'"):
            make_sentence(brief, seed=1, ordinal=ordinal)
