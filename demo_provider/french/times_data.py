"""The time expressions of each tense, and the frames of the subjunctive."""

from typing import Final

from demo_provider.french.times import (
    AFFIRMED,
    ALL_ASPECTS,
    ANY_NEGATION,
    EVENTS,
    LASTING,
    NO_TIME,
    USUAL,
    Anchor,
    Frame,
    Time,
)
from schemas.language import Negation, Pronoun, Tense


def _childhood() -> tuple[Time, ...]:
    rows: tuple[tuple[Pronoun, str, str], ...] = (
        ("je", "quand j'étais petit", "when I was little"),
        ("tu", "quand tu étais petit", "when you were little"),
        ("il", "quand il était petit", "when he was little"),
        ("elle", "quand elle était petite", "when she was little"),
        ("on", "quand on était petits", "when we were little"),
        ("nous", "quand nous étions petits", "when we were little"),
        ("vous", "quand vous étiez petits", "when you were little"),
        ("ils", "quand ils étaient petits", "when they were little"),
        ("elles", "quand elles étaient petites", "when they were little"),
    )
    return tuple(
        Time(
            french=french,
            english=english,
            aspects=ALL_ASPECTS,
            negations=USUAL,
            pronouns=(pronoun,),
            anchor="past",
            is_habitual=True,
        )
        for pronoun, french, english in rows
    )


def _usual(french: str, english: str, negations: frozenset[Negation]) -> Time:
    return Time(
        french=french, english=english, aspects=EVENTS, negations=negations, is_habitual=True
    )


def _dated(french: str, english: str, anchor: Anchor = "none") -> Time:
    return Time(french=french, english=english, anchor=anchor)


_FOR_TWO_YEARS: Final = Time(
    french="pendant deux ans",
    english="for two years",
    aspects=LASTING,
    negations=AFFIRMED,
    can_start=False,
)
_PLEASE: Final = (
    Time(
        french="s'il te plaît",
        english="please",
        negations=ANY_NEGATION,
        pronouns=("tu",),
        can_start=False,
        is_please=True,
    ),
    Time(
        french="s'il vous plaît",
        english="please",
        negations=ANY_NEGATION,
        pronouns=("vous",),
        can_start=False,
        is_please=True,
    ),
)
_ORDERS: Final = tuple(
    Time(french=french, english=english, can_start=can_start)
    for french, english, can_start in (
        ("maintenant", "now", False),
        ("demain", "tomorrow", True),
        ("ce soir", "this evening", True),
        ("aujourd'hui", "today", True),
        ("cette fois", "this time", True),
    )
)

TIMES: Final[dict[Tense, tuple[Time, ...]]] = {
    "present": (
        NO_TIME,
        Time(
            french="en ce moment",
            english="right now",
            aspects=frozenset({"event"}),
            is_ongoing=True,
        ),
        Time(french="maintenant", english="now", aspects=frozenset({"event"}), is_ongoing=True),
        Time(
            french="aujourd'hui",
            english="today",
            aspects=frozenset({"event", "state"}),
            is_ongoing=True,
        ),
        _usual("tous les jours", "every day", AFFIRMED),
        _usual("le samedi", "on Saturdays", USUAL),
        _usual("chaque matin", "every morning", AFFIRMED),
        Time(
            french="souvent",
            english="often",
            aspects=EVENTS,
            negations=frozenset({"none", "pas"}),
            is_adverb=True,
            is_habitual=True,
        ),
    ),
    "imparfait": (
        NO_TIME,
        Time(
            french="à ce moment-là",
            english="at that moment",
            aspects=frozenset({"event", "state"}),
            is_ongoing=True,
        ),
        Time(
            french="autrefois",
            english="in the past",
            aspects=ALL_ASPECTS,
            negations=USUAL,
            is_habitual=True,
        ),
        Time(
            french="à cette époque",
            english="at that time",
            aspects=ALL_ASPECTS,
            negations=USUAL,
            is_habitual=True,
        ),
        _usual("tous les soirs", "every evening", AFFIRMED),
        _usual("le dimanche", "on Sundays", USUAL),
        *_childhood(),
    ),
    "passe_compose": (
        NO_TIME,
        _dated("hier", "yesterday", "past"),
        _dated("hier soir", "last night", "past"),
        _dated("la semaine dernière", "last week", "past"),
        _dated("lundi dernier", "last Monday", "past"),
        _dated("ce matin", "this morning"),
        _dated("il y a deux jours", "two days ago", "past"),
        _FOR_TWO_YEARS,
    ),
    "plus_que_parfait": (
        NO_TIME,
        _dated("la veille", "the day before"),
        _dated("deux jours plus tôt", "two days earlier"),
        _dated("la semaine précédente", "the week before"),
        Time(
            french="déjà",
            english="already",
            negations=AFFIRMED,
            is_adverb=True,
            aspects=ALL_ASPECTS,
        ),
        _FOR_TWO_YEARS,
    ),
    "futur_simple": (
        NO_TIME,
        _dated("demain", "tomorrow", "future"),
        _dated("la semaine prochaine", "next week", "future"),
        _dated("demain matin", "tomorrow morning", "future"),
        _dated("dans deux jours", "in two days", "future"),
        _dated("ce soir", "this evening"),
        Time(french="un jour", english="one day", negations=AFFIRMED, aspects=LASTING),
        Time(french="l'année prochaine", english="next year", anchor="future", aspects=LASTING),
    ),
    "conditionnel": (
        NO_TIME,
        Time(
            french="dans ce cas",
            english="in that case",
            aspects=ALL_ASPECTS,
            negations=ANY_NEGATION,
            can_end=False,
        ),
        Time(
            french="dans un monde idéal",
            english="in an ideal world",
            aspects=ALL_ASPECTS,
            negations=USUAL,
            can_end=False,
            needs_will=True,
        ),
        Time(
            french="avec un peu de chance",
            english="with a bit of luck",
            aspects=ALL_ASPECTS,
            negations=AFFIRMED,
            can_end=False,
            needs_will=True,
        ),
        Time(
            french="à ta place",
            english="in your place",
            aspects=ALL_ASPECTS,
            negations=ANY_NEGATION,
            pronouns=("je",),
            can_end=False,
            needs_will=True,
        ),
        Time(
            french="à votre place",
            english="in your place",
            aspects=ALL_ASPECTS,
            negations=ANY_NEGATION,
            pronouns=("je", "nous"),
            can_end=False,
            needs_will=True,
        ),
    ),
    "subjonctif": (
        NO_TIME,
        Time(french="demain", english="tomorrow", can_start=False, anchor="future"),
        Time(french="ce soir", english="this evening", can_start=False, anchor="future"),
        Time(french="aujourd'hui", english="today", can_start=False),
    ),
    "imperatif": (NO_TIME, *_ORDERS, *_PLEASE),
}

FRAMES: Final = (
    Frame(french="il faut", english="must", pattern="must", can_negate=False),
    Frame(french="il est important", english="it is important", pattern="for"),
    Frame(french="il vaut mieux", english="it is better", pattern="for"),
    Frame(french="ma mère veut", english="my mother wants", pattern="object"),
    Frame(
        french="je veux",
        english="I want",
        pattern="object",
        pronouns=("tu", "il", "elle", "vous", "ils", "elles"),
    ),
    Frame(french="il est possible", english="it is possible", pattern="will", is_wish=False),
    Frame(
        french="c'est dommage",
        english="it is a pity",
        is_wish=False,
        can_affirm_wishes=False,
        takes_time=False,
    ),
)
