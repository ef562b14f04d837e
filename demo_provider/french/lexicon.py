"""The verbs of the engine: what each takes, and how it is said in English."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from demo_provider.french.conjugation import paradigm
from demo_provider.french.lexicon_data import COMPLEMENTS, GROUPS, PATTERNS, VERBS
from demo_provider.french.nouns import DETERMINER_CODES, NOUNS, Determiner, Noun

# event: "I am reading"; moment: no progressive ("I lose"); state: "I want";
# lasting: a state that no single day delimits ("I live in Paris")
Aspect = Literal["event", "moment", "state", "lasting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnglishVerb:
    """The English verb: its five forms, and the small words around its objects."""

    base: str
    third: str
    past: str
    participle: str
    ing: str
    rest: str = ""  # right after the verb: "go *out*", "be *able to*"
    before_direct: str = ""  # "wait *for* the bus"
    after_direct: str = ""  # "put the coat *on*"
    before_indirect: str = "to"
    indirect_first: bool = False  # "ask Paul for the address"


SAY: Final = EnglishVerb(base="say", third="says", past="said", participle="said", ing="saying")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complement:
    """Words that complete a verb without being its object; adjectives come in four forms.

    `is_willed` says whether one can ask for it: patience yes, a cold no. `is_avoidable` says
    whether one can ask people to avoid it: being late yes, a cold no.
    """

    forms: tuple[str, ...]  # one, or masculine, feminine, masculine plural, feminine plural
    english: str
    is_willed: bool = True
    is_avoidable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb with its valency. An empty tuple of nouns means that it takes no such object.

    `determiners` are the ones that sound right before its direct object. `is_willed` says whether
    one does it on purpose, `can_order` whether one tells people to.
    """

    infinitive: str
    english: EnglishVerb
    aspect: Aspect = "event"
    direct: tuple[Noun, ...] = ()
    determiners: frozenset[Determiner] = frozenset(DETERMINER_CODES.values())
    indirect: tuple[Noun, ...] = ()
    complements: tuple[Complement, ...] = ()
    needs_direct: bool = False
    needs_indirect: bool = False
    needs_complement: bool = False
    is_willed: bool = True
    can_order: bool = True
    is_modal: bool = False
    is_known: bool = True


def find_verb(infinitive: str) -> Verb:
    """Find a verb of the lexicon, or make do with its conjugation and its quoted infinitive.

    Raises:
        UnknownVerb: the verb cannot be conjugated either.
    """
    name = unicodedata.normalize("NFC", infinitive).strip().lower()
    return LEXICON.get(name) or _quoted(name)


@lru_cache(maxsize=256)
def _quoted(infinitive: str) -> Verb:
    name = paradigm(infinitive).infinitive
    quoted = f"“{name}”"
    return Verb(
        infinitive=name,
        english=EnglishVerb(
            base=quoted, third=f"does {quoted}", past=f"did {quoted}", participle=quoted, ing=quoted
        ),
        aspect="state",
        complements=_complements("company"),
        is_known=False,
    )


def _nouns(words: str) -> tuple[Noun, ...]:
    names = [name.strip() for name in words.split(",") if name.strip()]
    return tuple(
        NOUNS[noun]
        for name in names
        for noun in (
            [each.strip() for each in GROUPS[name].split(",")] if name in GROUPS else [name]
        )
    )


def _complements(name: str) -> tuple[Complement, ...]:
    rows = [row.split("|") for row in COMPLEMENTS[name].strip().splitlines()]
    return tuple(
        Complement(
            forms=tuple(form.strip() for form in french.split("/")),
            english=english.strip(),
            is_willed="unwilled" not in [flag.strip() for flag in flags],
            is_avoidable="fate" not in [flag.strip() for flag in flags],
        )
        for french, english, *flags in rows
    )


def _parse(block: str) -> Verb:
    head, *lines = [line.strip() for line in block.strip().splitlines()]
    infinitive, english, *flags = [cell.strip() for cell in head.split("|")]
    fields = dict(line.split(": ", 1) for line in lines)
    base, third, past, participle, ing = english.split()
    aspects: dict[str, Aspect] = {"moment": "moment", "state": "state", "lasting": "lasting"}
    return Verb(
        infinitive=infinitive,
        english=EnglishVerb(
            base=base,
            third=third,
            past=past,
            participle=participle,
            ing=ing,
            **PATTERNS.get(infinitive, {}),
        ),
        aspect=next((aspects[flag] for flag in flags if flag in aspects), "event"),
        direct=_nouns(fields.get("direct", fields.get("direct!", ""))),
        determiners=frozenset(
            DETERMINER_CODES[code] for code in fields.get("only", "".join(DETERMINER_CODES))
        ),
        indirect=_nouns(fields.get("indirect", fields.get("indirect!", ""))),
        complements=_complements(infinitive) if infinitive in COMPLEMENTS else (),
        needs_direct="direct!" in fields,
        needs_indirect="indirect!" in fields,
        needs_complement="complement!" in flags,
        is_willed="unwilled" not in flags,
        can_order="unordered" not in flags,
        is_modal="modal" in flags,
    )


LEXICON: Final[dict[str, Verb]] = {
    verb.infinitive: verb for verb in (_parse(block) for block in VERBS.strip().split("\n\n"))
}
