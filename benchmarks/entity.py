"""The sentence that both sides store, of an ordinary size."""

from typing import Any

ENTITY: dict[str, Any] = {
    "content": "Le dimanche, il n'entrait pas dans la cuisine.",
    "translation": "On Sundays, he did not go into the kitchen.",
    "pronoun": "il",
    "tense": "imparfait",
    "direct_object": "none",
    "indirect_object": "none",
    "negation": "pas",
    "is_correct": True,
    "explanation": None,
}
