"""The closed sets of words that entity types share, and the French engine with them."""

from typing import Literal

Pronoun = Literal["je", "tu", "il", "elle", "on", "nous", "vous", "ils", "elles"]
Tense = Literal[
    "present",
    "imparfait",
    "passe_compose",
    "plus_que_parfait",
    "futur_simple",
    "conditionnel",
    "subjonctif",
    "imperatif",
]
ObjectForm = Literal["none", "masculine", "feminine", "plural"]
Negation = Literal["none", "pas", "jamais", "plus", "rien", "personne", "aucun"]
Focus = Literal["conjugation", "pronouns"]
Gender = Literal["masculine", "feminine"]
Level = Literal[
    "beginner", "elementary", "intermediate", "upper_intermediate", "advanced", "native"
]
PartOfSpeech = Literal[
    "noun",
    "verb",
    "adjective",
    "adverb",
    "pronoun",
    "determiner",
    "preposition",
    "conjunction",
    "interjection",
    "expression",
]
