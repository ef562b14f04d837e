"""The closed sets of the grammar in order, and what follows from a subject pronoun."""

from typing import Final, Literal, get_args

from schemas.language import Negation, Pronoun, Tense

Auxiliary = Literal["avoir", "être"]

PRONOUNS: Final[tuple[Pronoun, ...]] = get_args(Pronoun)
TENSES: Final[tuple[Tense, ...]] = get_args(Tense)
NEGATIONS: Final[tuple[Negation, ...]] = get_args(Negation)
COMPOUND_TENSES: Final[frozenset[Tense]] = frozenset({"passe_compose", "plus_que_parfait"})
IMPERATIVE_PRONOUNS: Final[tuple[Pronoun, ...]] = ("tu", "nous", "vous")

PERSON: Final[dict[Pronoun, int]] = {
    "je": 0,
    "tu": 1,
    "il": 2,
    "elle": 2,
    "on": 2,
    "nous": 3,
    "vous": 4,
    "ils": 5,
    "elles": 5,
}
PERSON_NAMES: Final[tuple[str, ...]] = (
    "first person singular",
    "second person singular",
    "third person singular",
    "first person plural",
    "second person plural",
    "third person plural",
)
FEMININE_PRONOUNS: Final[frozenset[Pronoun]] = frozenset({"elle", "elles"})
# "on" stands for "we" here, and a participle or adjective then agrees in the plural.
PLURAL_AGREEMENT: Final[frozenset[Pronoun]] = frozenset({"on", "nous", "vous", "ils", "elles"})

TENSE_NAMES: Final[dict[Tense, str]] = {
    "present": "présent",
    "imparfait": "imparfait",
    "passe_compose": "passé composé",
    "plus_que_parfait": "plus-que-parfait",
    "futur_simple": "futur simple",
    "conditionnel": "conditionnel",
    "subjonctif": "subjonctif",
    "imperatif": "impératif",
}


def words(text: str) -> frozenset[str]:
    """Make a set of the words of a text."""
    return frozenset(text.split())


_VOWELS: Final = "aàâäeéèêëiîïoôöuùûüyœæ"
_ASPIRATED: Final = tuple(
    words(
        "hach haï halet hand hangar hant happ harass harcel hard haricot hasard hât hauss haut"
        " hennir hériss héron héros hers heurt hibou hiérarch hiss hoch hockey homard hont hors"
        " houx hue hué huons huai huit hurl hutte"
    )
)


def begins_with_vowel(word: str) -> bool:
    """Say whether a word before this one elides: a vowel or a mute h comes first."""
    first = word.lower()
    if first.startswith("h"):
        return not first.startswith(_ASPIRATED)
    return first[:1] in _VOWELS and not first.startswith(("onz", "yaourt"))


def elide(word: str, following: str) -> str:
    """Join a word ending in a mute vowel to the next one: `de` + `eau` is `d'eau`."""
    if begins_with_vowel(following):
        return f"{word[:-1]}'{following}"
    return f"{word} {following}"


def agree(masculine: str, *, feminine: bool, plural: bool) -> str:
    """Give a participle its ending: `lu`, `lue`, `lus`, `lues`."""
    stem = "du" if masculine == "dû" and (feminine or plural) else masculine
    if feminine:
        return f"{stem}es" if plural else f"{stem}e"
    return stem if not plural or stem.endswith(("s", "x")) else f"{stem}s"
