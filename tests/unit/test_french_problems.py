"""Problems and vocabulary."""

from itertools import product

import pytest

from worker_service.french.errors import ImpossibleBrief
from worker_service.french.grammar import TENSES
from worker_service.french.problems import ProblemBrief, make_problem
from worker_service.french.vocabulary import (
    SEMANTIC_FIELDS,
    WORDS,
    VocabularyBrief,
    make_vocabulary,
)


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
    brief = VocabularyBrief(parts_of_speech=("verb",), levels=("A1",))
    made = make_vocabulary(brief, seed=1, ordinal=0)
    assert (made.part_of_speech, made.level) == ("verb", "A1")
    with pytest.raises(ImpossibleBrief, match="expected more than 500"):
        make_vocabulary(brief, seed=1, ordinal=500)
