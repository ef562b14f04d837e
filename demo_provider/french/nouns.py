"""Nouns that serve as objects, and the determiners that suit them in both languages."""

from dataclasses import dataclass
from typing import Final, Literal

from schemas.language import Gender

# definite le, demonstrative ce, indefinite un, possessive mon, partitive du, bare (a first name)
Determiner = Literal["definite", "demonstrative", "indefinite", "possessive", "partitive", "bare"]

DETERMINER_CODES: Final[dict[str, Determiner]] = {
    "d": "definite",
    "c": "demonstrative",
    "i": "indefinite",
    "p": "possessive",
    "m": "partitive",
    "n": "bare",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """A noun in both languages; an absent number is empty.

    `english_pronoun` replaces the one that number and gender would give (`les devoirs` is `it`).
    `is_routine` says that one may meet the same single thing again and again (`le journal`),
    `is_virtue` that one can tell people to have it.
    """

    singular: str
    plural: str
    gender: Gender
    english: str
    english_plural: str
    determiners: frozenset[Determiner]
    is_person: bool = False
    is_routine: bool = False
    is_virtue: bool = False
    english_pronoun: str | None = None


def _parse(row: str) -> Noun:
    words, english, codes, *flags = [cell.strip() for cell in row.split("|")]
    gender, singular, plural = [word.strip() for word in words.split(",")]
    one, _, many = english.partition("/")
    one = one.removeprefix("-")
    return Noun(
        singular="" if singular == "-" else singular,
        plural="" if plural == "-" else plural or f"{singular}s",
        gender="feminine" if gender == "f" else "masculine",
        english=one,
        english_plural=many or f"{one}s",
        determiners=frozenset(DETERMINER_CODES[code] for code in codes),
        is_person="person" in flags,
        is_routine="routine" in flags,
        is_virtue="virtue" in flags,
        english_pronoun=next((flag[1:] for flag in flags if flag.startswith("=")), None),
    )


# gender, singular, plural (- none, empty: +s) | English/plural (no slash: +s) | determiners | flags
_ROWS: Final = """
m, livre, | book | dcip
f, lettre, | letter | dcip
m, journal, journaux | newspaper | dci | routine
m, roman, | novel | dci
m, article, | article | dci
m, message, | message | dci
f, carte postale, cartes postales | postcard | dci
f, histoire, | story/stories | dci
f, blague, | joke | dci
m, poème, | poem | dci
f, vérité, - | truth | d
m, secret, | secret | dcip
m, mensonge, | lie | ci
m, film, | film | dci
f, photo, | photo | dcip
m, match, | match/matches | dci
f, télévision, - | television | d | routine
f, radio, - | radio | d | routine
f, musique, - | music | dc | routine
f, chanson, | song | dci
f, maison, | house | dcip
f, ville, | city/cities | dc
m, musée, | museum | dci
m, château, châteaux | castle | dci
f, église, | church/churches | dci
m, -, devoirs | -/homework | dp | routine | =it
m, exercice, | exercise | dci
m, travail, - | work | dp | routine
f, leçon, | lesson | dci | routine
f, règle, | rule | dci
f, question, | question | dci
f, réponse, | answer | dcip
m, problème, | problem | dci
f, solution, | solution | dci
m, résultat, | result | dcp
f, idée, | idea | dcip
f, chance, - | luck | m
m, courage, - | courage | m | virtue
f, patience, - | patience | m | virtue
m, temps, - | time | m
m, rendez-vous, rendez-vous | appointment | dcip
m, conseil, | piece of advice/pieces of advice | dci
m, chemin, - | way | d
f, adresse, | address/addresses | dcip
m, numéro, | number | dcip
m, cadeau, cadeaux | present | dcip
f, fleur, | flower | dci
f, bague, | ring | dcip
f, montre, | watch/watches | dcip
m, argent, - | money | dpm
m, bus, bus | bus/buses | dc | routine
m, train, | train | dc | routine
m, métro, - | underground | d | routine
m, taxi, | taxi | di
m, avion, | plane | dci
m, billet, | ticket | dcip
m, vélo, | bike | dcip
f, voiture, | car | dcip
m, parapluie, | umbrella | dcip
f, valise, | suitcase | dcip
m, sac, | bag | dcip
f, boîte, | box/boxes | dci
m, colis, colis | parcel | dcip
f, clé, | key | dcip
m, portefeuille, | wallet | dcip
m, téléphone, | phone | dcip
f, -, lunettes | -/glasses | dp | routine
f, -, chaussures | -/shoes | dcip | routine
m, manteau, manteaux | coat | dcip | routine
f, robe, | dress/dresses | dcip
m, chapeau, chapeaux | hat | dcip
f, écharpe, | scarf/scarves | dcip
m, pull, | jumper | dcip
f, chemise, | shirt | dcip
f, pomme, | apple | dci
m, pain, - | bread | dm | routine
f, soupe, - | soup | dm | routine
m, gâteau, gâteaux | cake | dci
m, -, légumes | -/vegetables | di | routine
m, -, fruits | -/fruit | di | routine | =it
m, fromage, - | cheese | dm | routine
f, viande, - | meat | dm | routine
m, riz, - | rice | dm | routine
f, eau, - | water | dm | routine
m, café, - | coffee | dmp | routine
m, thé, - | tea | dmp | routine
m, lait, - | milk | dmp | routine
m, jus d'orange, - | orange juice | dmp | routine
m, repas, repas | meal | dci | routine
m, dîner, - | dinner | d | routine
m, dessert, | dessert | dci | routine
f, glace, | ice cream | dci | routine
m, médicament, | medicine/medicines | dcp | routine
f, douche, - | shower | i | routine
f, vaisselle, - | dishes | d | routine | =them
m, ménage, - | housework | d | routine
f, lessive, - | laundry | d | routine
f, -, courses | -/shopping | d | routine | =it
m, hôtel, | hotel | dci
f, place, | seat | dci
m, magasin, - | shop | dci | routine
f, porte, | door | dc | routine
f, fenêtre, | window | dc | routine
f, facture, | bill | dcip
m, loyer, - | rent | dp | routine
f, amende, | fine | dcip
f, langue, | language | dci
f, table, | table | dci
f, lampe, | lamp | dci
m, jeu, jeux | game | dci
m, chat, | cat | dcip | routine
m, chien, | dog | dcip | routine
m, frère, | brother | p | person
f, sœur, | sister | p | person
f, mère, - | mother | p | person
m, père, - | father | p | person
m, -, parents | -/parents | p | person
m, enfant, | child/children | dcp | person
m, ami, | friend | ip | person
f, amie, | friend | ip | person
m, voisin, | neighbour | dip | person
f, voisine, | neighbour | dip | person
m, professeur, | teacher | dcip | person
f, directrice, - | director | d | person
m, directeur, - | director | d | person
m, médecin, - | doctor | dip | person
f, police, - | police | d | =them
m, Paul, - | Paul | n | person
f, Marie, - | Marie | n | person
"""


def _load() -> dict[str, Noun]:
    nouns = {}
    for row in _ROWS.strip().splitlines():
        noun = _parse(row)
        nouns[noun.singular or noun.plural] = noun
    return nouns


NOUNS: Final = _load()
