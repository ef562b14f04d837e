"""The rules of a problem that no type can state."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.entities.problem import Entity

RIGHT = {"content": "Je lis.", "is_correct": True, "translation": "I am reading."}
WRONG = {"content": "Je lit.", "is_correct": False, "explanation": "It is “je lis”."}


def a_problem(*statements: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "problem_type": "grammar",
        "title": "Conjuguer “lire”",
        "instructions": "Trouvez la phrase correcte.",
        "statements": [*statements],
        "correct_answer_index": 0,
        "topic_tags": [],
        **changes,
    }


def test_a_problem_with_one_right_answer_is_accepted():
    made = Entity.model_validate(a_problem(RIGHT, WRONG))

    assert made.statements[made.correct_answer_index].is_correct


@pytest.mark.parametrize(
    ("problem", "fault"),
    [
        (a_problem(RIGHT), "at least 2 items"),
        (a_problem(RIGHT, *[{**WRONG, "content": f"Je l{n}."} for n in range(6)]), "at most 6"),
        (a_problem(WRONG, {**WRONG, "content": "Je lire."}), "exactly one statement must be right"),
        (a_problem(RIGHT, {**RIGHT, "content": "Je ris."}), "exactly one statement must be right"),
        (a_problem(WRONG, RIGHT), "the one at 0; right are \\[1\\]"),
        (a_problem(RIGHT, {**WRONG, "content": "Je lis."}), "the statements must differ"),
        (a_problem({**RIGHT, "translation": None}, WRONG), "needs a translation"),
        (a_problem(RIGHT, {**WRONG, "explanation": None}), "needs an explanation"),
        (a_problem(RIGHT, WRONG, problem_type="riddle"), "'grammar', 'functional' or 'vocabulary'"),
        (a_problem(RIGHT, WRONG, hint="none"), "Extra inputs are not permitted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_other_problem_is_refused(problem: dict[str, Any], fault: str):
    with pytest.raises(ValidationError, match=fault):
        Entity.model_validate(problem)
