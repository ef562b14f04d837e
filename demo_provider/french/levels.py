"""Which tenses suit a level."""

from collections.abc import Sequence
from typing import Final

from schemas.language import Level, Tense

_TENSES: Final[dict[Level, tuple[Tense, ...]]] = {
    "beginner": ("present",),
    "elementary": ("present", "passe_compose", "futur_simple"),
    "intermediate": ("passe_compose", "imparfait", "futur_simple", "imperatif"),
    "upper_intermediate": ("imparfait", "plus_que_parfait", "conditionnel"),
    "advanced": ("plus_que_parfait", "conditionnel", "subjonctif"),
    "native": ("plus_que_parfait", "conditionnel", "subjonctif"),
}


def suitable(level: Level | None, asked: Sequence[Tense]) -> tuple[Tense, ...]:
    """Narrow the tenses asked for (all, if none is) to the level's; keep them if none is left."""
    if level is None:
        return tuple(asked)
    if not asked:
        return _TENSES[level]
    return tuple(tense for tense in asked if tense in _TENSES[level]) or tuple(asked)
