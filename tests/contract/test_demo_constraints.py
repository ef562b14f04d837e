"""What the demo provider makes of a request: what was asked, ten times another, or a clear no."""

import json
import random
import re
from collections.abc import Callable
from itertools import product
from typing import Any, get_args

import pytest

from demo_provider import UnsupportedConstraints, make
from demo_provider.french.conjugation import paradigm
from demo_provider.french.grammar import PRONOUNS
from demo_provider.french.lexicon import LEXICON, find_verb
from schemas.entities import ENTITY_TYPES
from schemas.entities.problem import Constraints as ProblemConstraints
from schemas.entities.problem import Entity as Problem
from schemas.entities.sentence import Constraints as SentenceConstraints
from schemas.entities.sentence import Entity as Sentence
from schemas.entities.vocabulary import Constraints as VocabularyConstraints
from schemas.entities.vocabulary import Entity as Vocabulary
from schemas.language import Level, Tense

Json = dict[str, Any]
SEED = 0x019AA3F05D1C7B3E9C550B7C5D1F2A10
TENSES = get_args(Tense)
SAMPLE = 250
NEGATED = re.compile(r"\b(ne\b|n')", re.IGNORECASE)


def grid(**choices: list[Any]) -> list[Json]:
    """Return every combination, without what is None, or a sample that is always the same."""
    combined = [
        {name: value for name, value in zip(choices, each, strict=True) if value is not None}
        for each in product(*choices.values())
    ]
    return random.Random(1).sample(combined, min(SAMPLE, len(combined)))


ASKED: dict[str, list[Json]] = {
    "sentence": grid(
        verb_infinitives=[None, ["lire"], ["donner", "parler"], ["aller"], ["aimer"]],
        tenses_used=[None, *([tense] for tense in TENSES), ["present", "imparfait"]],
        pronoun=[None, None, "nous", "elles"],
        includes_negation=[None, True, False],
        includes_cod=[None, True, False],
        includes_coi=[None, True, False],
        is_correct=[True, False],
        difficulty_level=[None, "beginner", "advanced"],
    ),
    "problem": grid(
        problem_type=["grammar", "functional"],
        focus=[None, "conjugation", "pronouns"],
        grammatical_focus=[None, None, ["negation"], ["direct objects"]],
        verb_infinitives=[None, ["lire"], ["donner"], ["téléphoner"], ["aller"]],
        tenses_used=[None, *([tense] for tense in TENSES)],
        includes_negation=[None, True, False],
        includes_cod=[None, True, False],
        includes_coi=[None, True, False],
        difficulty_level=[None, "intermediate"],
        statement_count=[None, 2, 3, 6],
        topic_tags=[None, ["leçon 12"]],
    )
    + grid(
        problem_type=["vocabulary"],
        difficulty_level=[None, *get_args(Level)],
        statement_count=[2, 6],
        includes_negation=[None, False],
        topic_tags=[None, ["leçon 12"]],
    ),
    "vocabulary": grid(
        parts_of_speech=[None, ["noun"], ["verb", "adjective"], ["adverb"]],
        semantic_fields=[None, ["maison"], ["nourriture", "chimie"], ["chimie"]],
        difficulty_level=[None, *get_args(Level)],
    ),
}


def sentence_keeps(asked: SentenceConstraints, made: Sentence) -> None:
    if asked.tenses_used:
        assert made.tense in asked.tenses_used
    elif asked.difficulty_level == "beginner":
        assert made.tense == "present"
    assert made.pronoun == (asked.pronoun or made.pronoun)
    assert asked.includes_negation in {None, made.negation != "none"}
    assert asked.includes_cod in {None, made.direct_object != "none"}
    assert asked.includes_coi in {None, made.indirect_object != "none"}
    assert made.is_correct == asked.is_correct
    assert (made.explanation is None) == made.is_correct
    if made.is_correct:
        assert bool(NEGATED.search(made.content)) == (made.negation != "none")
        assert any(
            is_said(made.content, verb, made.tense) for verb in asked.verb_infinitives or LEXICON
        )


def problem_keeps(asked: ProblemConstraints, made: Problem) -> None:
    assert made.problem_type == asked.problem_type
    assert len(made.statements) == asked.statement_count
    assert made.topic_tags == (asked.topic_tags or made.topic_tags)
    right = made.statements[made.correct_answer_index]
    if asked.problem_type == "vocabulary":
        return
    negated = asked.includes_negation
    if "negation" in asked.grammatical_focus:
        negated = True
    if negated is not None:
        said = [each.content for each in made.statements if asked.problem_type == "functional"]
        for content in (right.content, *said):
            assert bool(NEGATED.search(content)) == negated, content
    assert any(
        is_said(right.content, verb, tense)
        for verb in asked.verb_infinitives or LEXICON
        for tense in asked.tenses_used or TENSES
    ), right.content
    if asked.verb_infinitives in (["lire"], ["donner"]) and asked.tenses_used:
        objects = {"direct": asked.includes_cod, "indirect": asked.includes_coi}
        for kind, wanted in objects.items():
            if wanted is not None and not re.search(r"\b(rien|personne)\b", right.content):
                has = has_object(right.content, asked.verb_infinitives[0], kind)
                assert has == wanted, (kind, right.content)


def vocabulary_keeps(asked: VocabularyConstraints, made: Vocabulary) -> None:
    assert not asked.parts_of_speech or made.part_of_speech in asked.parts_of_speech
    assert not asked.semantic_fields or made.semantic_field in asked.semantic_fields
    assert made.level == (asked.difficulty_level or made.level)
    assert (made.gender is not None) == (made.part_of_speech == "noun")


KEEPS: dict[str, Callable[[Any, Any], None]] = {
    "sentence": sentence_keeps,
    "problem": problem_keeps,
    "vocabulary": vocabulary_keeps,
}


def is_said(content: str, verb: str, tense: Tense) -> bool:
    """Say whether a form of the verb in the tense is in the sentence."""
    forms = paradigm(verb)
    if tense == "imperatif" and forms.imperatif is None:
        return False
    people = ("tu", "nous", "vous") if tense == "imperatif" else PRONOUNS
    return any(
        re.search(rf"(?<!\w){forms.finite(tense, pronoun)}(?!\w)", content, re.IGNORECASE)
        for pronoun in people
    )


def has_object(content: str, verb: str, kind: str) -> bool:
    """Look for the nouns that the verb takes, and for pronouns before it or hung on it."""
    nouns = getattr(find_verb(verb), kind)
    words = {each for noun in nouns for each in (noun.singular, noun.plural) if each}
    if any(re.search(rf"(?<!\w){word}(?!\w)", content) for word in words):
        return True
    pronouns = r"le|la|les" if kind == "direct" else r"lui|leur"
    verbs = r"\w*(?:lis|lit|lir|donn)\w*"
    if kind == "direct" and re.search(r"\bl'(?:a|ai|as|av)", content):
        return True
    return bool(
        re.search(
            rf"(?:-(?:{pronouns})\b)"
            rf"|(?:\b(?:{pronouns})(?: (?:lui|leur))? (?:{verbs}|a|ai|as|ont|av\w+)\b)",
            content,
            re.IGNORECASE,
        )
    )


@pytest.mark.parametrize("name", ASKED)
def test_it_makes_what_was_asked_or_says_that_it_cannot(name: str):
    entity_type = ENTITY_TYPES[name]
    made_something = 0
    for asked in ASKED[name]:
        constraints = entity_type.constraints.model_validate(asked)
        try:
            made = make(name, constraints, seed=SEED, ordinal=3)
        except UnsupportedConstraints as refusal:
            assert "provider demo" in str(refusal)  # noqa: PT017 - most are made
            continue
        made_something += 1
        KEEPS[name](constraints, entity_type.entity.model_validate_json(json.dumps(made)))
    assert made_something > len(ASKED[name]) / 5


@pytest.mark.parametrize("name", ["sentence", "problem"])
def test_ten_of_the_same_request_are_ten_different_ones_or_none(name: str):
    entity_type = ENTITY_TYPES[name]
    for asked in ASKED[name][::3]:
        constraints = entity_type.constraints.model_validate(asked)
        made = []
        for ordinal in range(10):
            try:
                content = make(name, constraints, seed=SEED, ordinal=ordinal)
            except UnsupportedConstraints:
                break
            made.append(json.dumps(content, sort_keys=True))
        assert len({*made}) in {0, 10}, asked


def test_words_run_out_one_after_the_other_and_never_repeat():
    constraints = VocabularyConstraints(
        semantic_fields=["nourriture"], parts_of_speech=["noun"], difficulty_level="beginner"
    )

    words = {
        make("vocabulary", constraints, seed=SEED, ordinal=ordinal)["word"] for ordinal in range(4)
    }
    assert len(words) == 4
    with pytest.raises(UnsupportedConstraints, match="has nothing for item 5 under the"):
        make("vocabulary", constraints, seed=SEED, ordinal=4)


@pytest.mark.parametrize(
    ("name", "asked", "reason"),
    [
        ("sentence", {"target_language_code": "deu"}, "speaks French alone"),
        ("problem", {"target_language_code": "deu"}, "speaks French alone"),
        ("vocabulary", {"target_language_code": "deu"}, "speaks French alone"),
        ("sentence", {"topic_tags": ["la mer"]}, "cannot keep a sentence to topic_tags"),
        ("vocabulary", {"topic_tags": ["la mer"]}, "by semantic_fields, not by topic_tags"),
        ("vocabulary", {"semantic_fields": ["chimie"]}, "none of the semantic_fields chimie; it"),
        ("sentence", {"verb_infinitives": ["coudre"]}, "unknown verb 'coudre'"),
        (
            "problem",
            {"verb_infinitives": ["aller"], "includes_cod": True},
            "has nothing for item 1",
        ),
        ("problem", {"grammatical_focus": ["rhyme"]}, "no grammatical_focus 'rhyme'; it has conj"),
        (
            "problem",
            {"grammatical_focus": ["negation"], "includes_negation": False},
            "contradicts the other constraints",
        ),
        (
            "problem",
            {"grammatical_focus": ["imparfait"], "tenses_used": ["present"]},
            "names none of tenses_used",
        ),
        (
            "problem",
            {"problem_type": "vocabulary", "verb_infinitives": ["lire"], "includes_cod": True},
            "vocabulary problem; verb_infinitives, includes_cod are for",
        ),
        ("problem", {"problem_type": "vocabulary", "difficulty_level": "native"}, "has nothing"),
    ],
)
def test_what_it_cannot_make_is_refused_in_a_sentence(name: str, asked: Json, reason: str):
    constraints = ENTITY_TYPES[name].constraints.model_validate(asked)

    with pytest.raises(UnsupportedConstraints, match=re.escape(reason)):
        make(name, constraints, seed=SEED, ordinal=0)


@pytest.mark.parametrize(
    ("focus", "same"),
    [
        (["negation"], {"includes_negation": True}),
        (["COD", "coi"], {"includes_cod": True, "includes_coi": True}),
        (["Object pronouns"], {"focus": "pronouns"}),
        (["passé-composé".replace("é", "e")], {"tenses_used": ["passe_compose"]}),
    ],
)
def test_a_grammatical_focus_asks_for_what_it_names(focus: list[str], same: Json):

    named = ProblemConstraints(grammatical_focus=focus)
    meant = ProblemConstraints.model_validate(same)
    assert make("problem", named, seed=SEED, ordinal=1) == make(
        "problem", meant, seed=SEED, ordinal=1
    )
