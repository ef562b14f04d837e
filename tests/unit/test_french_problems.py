"""Problems and vocabulary."""

from itertools import product

import pytest

from demo_provider.french.errors import ImpossibleBrief
from demo_provider.french.grammar import TENSES
from demo_provider.french.problems import ProblemBrief, make_problem
from demo_provider.french.vocabulary import (
    SEMANTIC_FIELDS,
    WORDS,
    VocabularyBrief,
    make_vocabulary,
)
from demo_provider.french.word_problems import WordProblemBrief, make_word_problem


@pytest.mark.parametrize("focus", ["conjugation", "pronouns"])
def test_a_problem_has_one_right_statement_and_different_wrong_ones(focus):
    for seed, (tense, count) in enumerate(product(TENSES, (2, 4, 6))):
        brief = ProblemBrief(focus=focus, tenses=(tense,), statement_count=count)
        made = make_problem(brief, seed=seed, ordinal=1)
        assert len({statement.content for statement in made.statements}) == count
        assert [statement.is_correct for statement in made.statements].count(True) == 1
        assert made.statements[made.right_index].is_correct
        assert {statement.tense for statement in made.statements} == {tense}
        assert all(
            statement.explanation for statement in made.statements if not statement.is_correct
        )


def test_problems_of_a_seed_ask_different_questions():
    brief = ProblemBrief(verbs=("lire",), tenses=("passe_compose",), negated=True)
    made = [make_problem(brief, seed=2, ordinal=ordinal) for ordinal in range(10)]
    assert len({problem.statements[problem.right_index].content for problem in made}) == 10
    assert made[0] == make_problem(brief, seed=2, ordinal=0)


def test_the_title_names_verb_and_tense():
    brief = ProblemBrief(verbs=("lire",), tenses=("imparfait",), negated=True)
    made = make_problem(brief, seed=2, ordinal=0)
    assert made.title == "Conjuguer “lire” à l'imparfait, à la forme négative"
    assert made.instructions.startswith("Parmi ces quatre phrases, une seule est correcte.")


def test_pronoun_problems_honour_their_objects():
    brief = ProblemBrief(
        focus="pronouns", with_direct_object=True, with_indirect_object=True, statement_count=3
    )
    for ordinal in range(10):
        made = make_problem(brief, seed=3, ordinal=ordinal)
        for statement in made.statements:
            assert "none" not in {statement.direct_object, statement.indirect_object}


@pytest.mark.parametrize(
    "brief",
    [
        ProblemBrief(statement_count=1),
        ProblemBrief(statement_count=7),
        ProblemBrief(focus="pronouns", verbs=("aller",)),
        ProblemBrief(
            focus="pronouns", verbs=("lire",), with_direct_object=False, with_indirect_object=False
        ),
    ],
)
def test_an_impossible_problem_is_refused(brief):
    with pytest.raises(ImpossibleBrief):
        make_problem(brief, seed=1, ordinal=0)


@pytest.mark.parametrize("focus", ["conjugation", "pronouns"])
def test_a_functional_problem_says_what_is_meant_once(focus):
    """No other statement has its subject, its things and its negation."""
    for seed, (tense, count) in enumerate(product(TENSES, (2, 4, 6))):
        brief = ProblemBrief(
            question="functional", focus=focus, tenses=(tense,), statement_count=count
        )
        made = make_problem(brief, seed=seed, ordinal=seed % 10)
        right = made.statements[made.right_index]
        assert right.translation in made.instructions
        for other in made.statements:
            assert other.is_correct == (other is right)
            assert (other.content, other.translation) == (right.content, right.translation) or (
                other.content != right.content and other.translation != right.translation
            )
            assert other.is_correct or other.explanation == f"This means “{other.translation}”"


def test_on_for_nous_and_a_time_elsewhere_are_no_other_meaning():
    for ordinal in range(10):
        brief = ProblemBrief(question="functional", verbs=("lire",), statement_count=6)
        made = make_problem(brief, seed=1, ordinal=ordinal)
        said = [
            frozenset(statement.translation.lower().rstrip(".").replace(",", "").split())
            for statement in made.statements
        ]
        assert said.count(said[made.right_index]) == 1


@pytest.mark.parametrize("level", ["beginner", "elementary", "intermediate"])
@pytest.mark.parametrize("count", [2, 6])
def test_a_problem_about_words_keeps_to_its_level(level, count):
    by_word = {word.word: word for word in WORDS}
    brief = WordProblemBrief(levels=(level,), statement_count=count)
    made = [make_word_problem(brief, seed=1, ordinal=ordinal) for ordinal in range(10)]

    assert len({problem.instructions for problem in made}) == 10
    for problem in made:
        assert {by_word[each.content].level for each in problem.statements} == {level}
        assert len({each.content for each in problem.statements}) == count
        (right,) = (each for each in problem.statements if each.is_correct)
        word = by_word[right.content]
        assert word.translation in problem.instructions or word.definition in problem.instructions


def test_a_problem_about_words_that_do_not_exist_is_refused():
    with pytest.raises(ImpossibleBrief):
        make_word_problem(WordProblemBrief(levels=("native",)), seed=1, ordinal=0)


def test_words_are_complete_and_used_in_their_examples():
    assert len({(word.word, word.part_of_speech) for word in WORDS}) == len(WORDS) >= 60
    for word in WORDS:
        assert (word.gender is not None) == (word.part_of_speech == "noun")
        assert word.definition.endswith(".")
        assert word.example[-1] in ".!?"
        assert word.word[0] in word.example.lower()


def test_each_field_has_ten_words():
    for field in SEMANTIC_FIELDS:
        brief = VocabularyBrief(semantic_fields=(field,))
        made = {make_vocabulary(brief, seed=1, ordinal=ordinal).word for ordinal in range(10)}
        assert len(made) == 10


def test_a_word_fits_its_brief_or_is_refused():
    brief = VocabularyBrief(parts_of_speech=("verb",), levels=("beginner",))
    made = make_vocabulary(brief, seed=1, ordinal=0)
    assert (made.part_of_speech, made.level) == ("verb", "beginner")
    with pytest.raises(ImpossibleBrief, match="expected more than 500"):
        make_vocabulary(brief, seed=1, ordinal=500)
