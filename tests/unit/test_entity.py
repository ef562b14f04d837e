"""What every entity type shares."""

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.entities import sentence
from schemas.entity import ConstraintsBase, EntityBase, EntityType, Line, Word

SENTENCE = EntityType.of(sentence)


class Note(EntityBase):
    """An entity of one line."""

    text: Line


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "", "   ", "x" * 501], ids=ascii)
def test_text_that_cannot_be_kept_or_says_nothing_is_refused(text: str):
    with pytest.raises(ValidationError):
        Note(text=text)


@pytest.mark.parametrize("text", [r'"a\u0000b"', r'"\ud800"'])
def test_a_model_that_answers_with_such_text_is_refused_too(text: str):
    with pytest.raises(ValidationError):
        Note.model_validate_json(f'{{"text": {text}}}')


@pytest.mark.parametrize("text", ["x" * 61, "", "a\x00b"], ids=ascii)
def test_a_word_is_short_and_told_so_in_characters(text: str):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Word).validate_python(text)
    assert "character" in str(refused.value)


def test_text_is_kept_without_the_space_around_it():
    assert Note(text="  Où ça ?\u00a0😀 ").text == "Où ça ?\u00a0😀"


@pytest.mark.parametrize("model", [Note, ConstraintsBase])
def test_an_unknown_field_is_refused(model: type[EntityBase]):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate({"text": "ok", "unknown": 1})


@pytest.mark.parametrize("code", ["fr", "FRA", "fra\n", "français"])
def test_a_language_is_given_by_three_letters(code: str):
    with pytest.raises(ValidationError):
        ConstraintsBase(target_language_code=code)


def test_a_type_takes_its_name_from_its_module():
    assert (SENTENCE.name, SENTENCE.collection) == ("sentence", "sentences")
    assert SENTENCE.entity is sentence.Entity
    assert issubclass(SENTENCE.constraints, sentence.Constraints)
    assert SENTENCE.constraints.__name__ == "SentenceConstraints"


def test_a_recorded_entity_is_its_content_and_its_identity():
    fields = SENTENCE.recorded.model_fields

    assert {*fields} == {
        *SENTENCE.entity.model_fields,
        "id",
        "created_at",
        "updated_at",
        "target_language_code",
    }
    assert SENTENCE.recorded.__name__ == "Sentence"


def test_a_recorded_entity_is_shown_with_its_type_and_in_the_order_of_its_model():
    kept_by_jsonb = {"id": 1, "tense": 2, "content": 3, "forgotten": 4, "created_at": 5}

    shown = SENTENCE.represent(kept_by_jsonb)

    assert [*shown] == ["entity_type", "id", "created_at", "content", "tense", "forgotten"]
    assert shown == {"entity_type": "sentence", **kept_by_jsonb}
