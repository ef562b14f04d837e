"""Problems: choose the one right statement."""

from collections.abc import Iterator
from typing import Any, Final

from demo_provider.constraints import UnsupportedConstraints, from_the_lexicon
from demo_provider.french.grammar import TENSES
from demo_provider.french.levels import suitable
from demo_provider.french.problems import Problem, ProblemBrief, make_problem
from demo_provider.french.word_problems import WordProblem, WordProblemBrief, make_word_problem
from schemas.entities.problem import Constraints
from schemas.language import Tense

_ABOUT_SENTENCES: Final = (
    "focus",
    "grammatical_focus",
    "verb_infinitives",
    "tenses_used",
    "includes_negation",
    "includes_cod",
    "includes_coi",
)
_SAME: Final = {
    "pronoun": "pronouns",
    "object_pronouns": "pronouns",
    "cod": "direct_objects",
    "direct_object": "direct_objects",
    "coi": "indirect_objects",
    "indirect_object": "indirect_objects",
}
_ASKS: Final[dict[str, dict[str, Any]]] = {
    "conjugation": {"focus": "conjugation"},
    "pronouns": {"focus": "pronouns"},
    "negation": {"negated": True},
    "direct_objects": {"with_direct_object": True},
    "indirect_objects": {"with_indirect_object": True},
}


def make(constraints: Constraints, *, seed: int, ordinal: int) -> dict[str, Any]:
    """Make the problem from the French lexicon; `topic_tags` are put on it as they are."""
    made: Problem | WordProblem
    with from_the_lexicon(constraints, ordinal=ordinal):
        if constraints.problem_type == "vocabulary":
            made = make_word_problem(_word_brief(constraints), seed=seed, ordinal=ordinal)
            tags = [made.semantic_field]
        else:
            made = make_problem(_brief(constraints), seed=seed, ordinal=ordinal)
            tags = [made.verb, made.tense, made.focus]
    return {
        "problem_type": constraints.problem_type,
        "title": made.title,
        "instructions": made.instructions,
        "statements": [
            {
                "content": each.content,
                "is_correct": each.is_correct,
                "translation": each.translation if each.is_correct else None,
                "explanation": each.explanation,
            }
            for each in made.statements
        ],
        "correct_answer_index": [each.is_correct for each in made.statements].index(True),
        "topic_tags": constraints.topic_tags or tags,
    }


def _word_brief(constraints: Constraints) -> WordProblemBrief:
    given = [name for name in _ABOUT_SENTENCES if getattr(constraints, name)]
    if given:
        raise UnsupportedConstraints(
            f"the provider demo asks for single words in a vocabulary problem; {', '.join(given)}"
            " are for grammar and functional ones"
        )
    level = constraints.difficulty_level
    return WordProblemBrief(
        levels=(level,) if level else (), statement_count=constraints.statement_count
    )


def _brief(constraints: Constraints) -> ProblemBrief:
    tenses = constraints.tenses_used
    asked: dict[str, Any] = {
        "focus": constraints.focus,
        "negated": constraints.includes_negation,
        "with_direct_object": constraints.includes_cod,
        "with_indirect_object": constraints.includes_coi,
    }
    for name, value in _wishes(constraints.grammatical_focus):
        if asked[name] not in {None, value}:
            raise UnsupportedConstraints(
                "the provider demo finds that grammatical_focus contradicts the other constraints"
            )
        asked[name] = value
    named = _named_tenses(constraints.grammatical_focus)
    if tenses and named and not {*tenses} & {*named}:
        raise UnsupportedConstraints(
            "the provider demo finds that grammatical_focus names none of tenses_used"
        )
    return ProblemBrief(
        question="functional" if constraints.problem_type == "functional" else "grammar",
        focus=asked.pop("focus") or "conjugation",
        verbs=tuple(constraints.verb_infinitives),
        tenses=suitable(
            constraints.difficulty_level,
            [tense for tense in named if tense in tenses] if tenses and named else tenses or named,
        ),
        statement_count=constraints.statement_count,
        **asked,
    )


def _wishes(grammatical_focus: list[str]) -> Iterator[tuple[str, Any]]:
    for word in map(_plain, grammatical_focus):
        if word in _ASKS:
            yield from _ASKS[word].items()
        elif word not in TENSES:
            raise UnsupportedConstraints(
                f"the provider demo knows no grammatical_focus {word!r}; it has"
                f" {', '.join((*_ASKS, *TENSES))}"
            )


def _named_tenses(grammatical_focus: list[str]) -> list[Tense]:
    words = {_plain(word) for word in grammatical_focus}
    return [tense for tense in TENSES if tense in words]


def _plain(word: str) -> str:
    plain = word.lower().replace(" ", "_").replace("-", "_")
    return _SAME.get(plain, plain)
