"""Wrong sentences are wrong, and say why."""

import re
from collections.abc import Iterator
from itertools import islice, product

import pytest

from demo_provider.french.brief import SentenceBrief
from demo_provider.french.choices import clauses
from demo_provider.french.clause import Clause
from demo_provider.french.grammar import TENSES
from demo_provider.french.mistakes import Mistake, mistakes_of
from demo_provider.french.rendering import write_french
from demo_provider.french.sentences import make_sentence

VERBS = ("lire", "aller", "téléphoner", "attendre", "donner", "être", "payer", "prendre", "faire")


def some_clauses(count: int = 8) -> Iterator[Clause]:
    for seed, (verb, tense) in enumerate(product(VERBS, TENSES)):
        brief = SentenceBrief(verbs=(verb,), tenses=(tense,))
        yield from islice(clauses(brief, seed), count)


def test_mistakes_differ_from_each_other_and_from_every_right_sentence():
    made = list(some_clauses())
    right = {write_french(clause) for clause in made}
    for clause in made:
        contents = [mistake.content for mistake in mistakes_of(clause)]
        assert len(set(contents)) == len(contents)
        assert not right & set(contents)


def test_explanations_name_the_right_form_and_it_stands_in_the_right_sentence():
    for clause in some_clauses(6):
        right = write_french(clause).lower()
        for mistake in mistakes_of(clause):
            assert f"the right form is “{mistake.right_form}”" in mistake.explanation
            assert mistake.right_form.lower() in right, (mistake, right)
            whole = rf"\b{re.escape(mistake.right_form.lower())}\b"
            # More often in the right sentence: "quand on était petits" has one of its own.
            counts = [len(re.findall(whole, text)) for text in (right, mistake.content.lower())]
            assert counts[0] > counts[1], mistake


def test_every_clause_can_go_wrong():
    assert all(mistakes_of(clause) for clause in some_clauses(6))


@pytest.mark.parametrize("tense", TENSES)
def test_wrong_sentences_keep_the_meaning_and_explain(tense):
    brief = SentenceBrief(tenses=(tense,), is_correct=False)
    made = [make_sentence(brief, seed=6, ordinal=ordinal) for ordinal in range(20)]
    assert len({sentence.content for sentence in made}) == 20
    for sentence in made:
        assert not sentence.is_correct
        assert sentence.explanation
        assert sentence.explanation.endswith(".")


def all_mistakes(brief: SentenceBrief) -> dict[str, Mistake]:
    return {
        mistake.content: mistake
        for clause in islice(clauses(brief, 1), 300)
        for mistake in mistakes_of(clause)
    }


@pytest.mark.parametrize(
    ("verb", "tense", "pronoun", "content", "right_form"),
    [
        ("partir", "present", "je", "Je part tôt.", "je pars"),
        ("aller", "passe_compose", "elle", "Elle a allé au marché.", "elle est allée"),
        ("aller", "passe_compose", "elle", "Elle est allé au marché.", "elle est allée"),
        ("aller", "passe_compose", "tu", "Hier, tu iras au marché.", "tu es allé"),
        ("partir", "subjonctif", "nous", "Il faut que nous partons tôt.", "nous partions"),
        ("venir", "futur_simple", "je", "Je venirai à pied.", "je viendrai"),
        ("téléphoner", "present", "je", "Je le téléphone.", "je lui téléphone"),
        ("attendre", "present", "tu", "Tu attends le.", "tu l'attends"),
        ("attendre", "passe_compose", "tu", "Tu as attendu le.", "tu l'as attendu"),
        ("partir", "imperatif", "tu", "Partiras tôt.", "pars"),
        ("être", "present", "elle", "Elle est prêt.", "elle est prête"),
        ("habiter", "present", "je", "Je habite à Paris.", "j'habite"),
    ],
)
def test_typical_mistakes_are_explained(verb, tense, pronoun, content, right_form):
    brief = SentenceBrief(verbs=(verb,), tenses=(tense,), pronouns=(pronoun,), negated=False)
    assert all_mistakes(brief)[content].right_form == right_form


def test_negations_are_misplaced_and_doubled():
    brief = SentenceBrief(
        verbs=("voir",), tenses=("passe_compose",), negations=("personne", "pas"), pronouns=("il",)
    )
    mistakes = all_mistakes(brief)
    assert mistakes["Il n'a personne vu."].right_form == "il n'a vu personne"
    assert mistakes["Il n'a pas vu personne."].right_form == "il n'a vu personne"
    assert mistakes["Il ne pas l'a vu."].right_form == "il ne l'a pas vu"


def test_what_is_right_elsewhere_is_never_called_wrong():
    # A view, a watch, an impersonal passive, an antecedent of the other gender.
    seen = all_mistakes(SentenceBrief(verbs=("voir", "montrer", "vendre", "lire")))
    contents = set(seen)
    assert not any("ai la vue" in content for content in contents)
    assert not any(content.startswith("La montre") for content in contents)
    assert not any(content.startswith("Il est vendu") for content in contents)
    assert "Je l'ai lue." not in contents
    assert "Je l'ai lu." not in contents
