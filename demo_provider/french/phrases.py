"""Objects in both languages: determiner and noun, or the pronoun that replaces them."""

from typing import Final

from demo_provider.french.clause import Clause, ObjectPhrase
from demo_provider.french.grammar import PERSON, begins_with_vowel, elide
from demo_provider.french.nouns import Determiner
from schemas.language import Pronoun

_POSSESSORS: Final = (
    ("mon", "ma", "mes"),
    ("ton", "ta", "tes"),
    ("son", "sa", "ses"),
    ("notre", "notre", "nos"),
    ("votre", "votre", "vos"),
    ("leur", "leur", "leurs"),
)
_ENGLISH_POSSESSORS: Final[dict[Pronoun, str]] = {
    "je": "my",
    "tu": "your",
    "il": "his",
    "elle": "her",
    "on": "our",
    "nous": "our",
    "vous": "your",
    "ils": "their",
    "elles": "their",
}
_NEGATED_ARTICLES: Final = frozenset({"pas", "jamais", "plus"})


def french_noun(phrase: ObjectPhrase, clause: Clause, *, is_direct: bool = True) -> str:
    """Write the object out; a direct one turns `un` into `de` under a negation: `pas de pain`."""
    word = phrase.noun.plural if phrase.is_plural else phrase.noun.singular
    match phrase.determiner:
        case "bare":
            return word
        case "definite":
            return _definite(word, phrase)
        case "demonstrative":
            return _demonstrative(word, phrase)
        case "possessive":
            return _possessive(word, phrase, clause.pronoun)
        case "indefinite" | "partitive":
            if is_direct and clause.negation in _NEGATED_ARTICLES:
                return elide("de", word)
            return _article(word, phrase)


def french_aucun(phrase: ObjectPhrase) -> str:
    """Write `aucun livre`, `aucune lettre`."""
    return f"{'aucune' if phrase.gender == 'feminine' else 'aucun'} {phrase.noun.singular}"


def french_to(phrase: ObjectPhrase, clause: Clause) -> str:
    """Write the object behind `à`: `à ma sœur`, `au voisin`, `aux enfants`."""
    written = french_noun(phrase, clause, is_direct=False)
    if written.startswith("le "):
        return f"au {written.removeprefix('le ')}"
    if written.startswith("les "):
        return f"aux {written.removeprefix('les ')}"
    return f"à {written}"


def direct_pronoun(phrase: ObjectPhrase) -> str:
    """Replace a direct object: `le`, `la`, `les`."""
    if phrase.is_plural:
        return "les"
    return "la" if phrase.gender == "feminine" else "le"


def indirect_pronoun(phrase: ObjectPhrase) -> str:
    """Replace an indirect object: `lui`, `leur`."""
    return "leur" if phrase.is_plural else "lui"


def english_noun(phrase: ObjectPhrase, clause: Clause, *, is_direct: bool) -> str:
    """Say the object in English, as noun phrase or as pronoun."""
    if phrase.is_pronoun:
        return _english_pronoun(phrase)
    word = phrase.noun.english_plural if phrase.is_plural else phrase.noun.english
    if phrase.determiner in {"indefinite", "partitive"}:
        if clause.negation == "aucun" and is_direct:
            return f"any {phrase.noun.english_plural}"
        return _english_article(word, phrase, clause)
    determiners: dict[Determiner, str] = {
        "bare": "",
        "definite": "the ",
        "demonstrative": "these " if phrase.is_plural else "this ",
        "possessive": f"{_ENGLISH_POSSESSORS[clause.pronoun]} ",
    }
    return f"{determiners[phrase.determiner]}{word}"


def _english_article(word: str, phrase: ObjectPhrase, clause: Clause) -> str:
    if phrase.determiner == "indefinite" and not phrase.is_plural:
        return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
    if clause.is_habitual or clause.negation in {"jamais", "plus"}:
        return word
    return f"{'some' if clause.negation == 'none' else 'any'} {word}"


def _definite(word: str, phrase: ObjectPhrase) -> str:
    if phrase.is_plural:
        return f"les {word}"
    return elide("la" if phrase.gender == "feminine" else "le", word)


def _demonstrative(word: str, phrase: ObjectPhrase) -> str:
    if phrase.is_plural:
        return f"ces {word}"
    if phrase.gender == "feminine":
        return f"cette {word}"
    return f"{'cet' if begins_with_vowel(word) else 'ce'} {word}"


def _article(word: str, phrase: ObjectPhrase) -> str:
    feminine = phrase.gender == "feminine"
    if phrase.is_plural:
        return f"des {word}"
    if phrase.determiner == "indefinite":
        return f"{'une' if feminine else 'un'} {word}"
    if begins_with_vowel(word):
        return f"de l'{word}"
    return f"{'de la' if feminine else 'du'} {word}"


def _possessive(word: str, phrase: ObjectPhrase, owner: Pronoun) -> str:
    # "on" stands for "we", whose possessive is "notre".
    masculine, feminine, plural = _POSSESSORS[3 if owner == "on" else PERSON[owner]]
    if phrase.is_plural:
        return f"{plural} {word}"
    if phrase.gender == "feminine" and not begins_with_vowel(word):
        return f"{feminine} {word}"
    return f"{masculine} {word}"


def _english_pronoun(phrase: ObjectPhrase) -> str:
    if phrase.noun.english_pronoun:
        return phrase.noun.english_pronoun
    if phrase.is_plural:
        return "them"
    if not phrase.noun.is_person:
        return "it"
    return "her" if phrase.gender == "feminine" else "him"
