"""Exact forms of French verbs in eight tenses."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from demo_provider.french.errors import ImpossibleBrief
from demo_provider.french.grammar import (
    COMPOUND_TENSES,
    FEMININE_PRONOUNS,
    IMPERATIVE_PRONOUNS,
    PERSON,
    PLURAL_AGREEMENT,
    Auxiliary,
    agree,
)
from demo_provider.french.irregular import (
    DERIVED,
    IMPERATIF,
    IRREGULAR,
    SUBJONCTIF,
    WITH_ETRE,
    WITHOUT_IMPERATIVE,
)
from demo_provider.french.regular import Six, Stems, regular_stems
from schemas.language import Pronoun, Tense

_PAST_ENDINGS: Final = ("ais", "ais", "ait", "ions", "iez", "aient")
_FUTURE_ENDINGS: Final = ("ai", "as", "a", "ons", "ez", "ont")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paradigm:
    """All simple forms of a verb; tuples go je, tu, il, nous, vous, ils."""

    infinitive: str
    auxiliary: Auxiliary
    participle: str
    present: Six
    imparfait: Six
    futur_simple: Six
    conditionnel: Six
    subjonctif: Six
    imperatif: tuple[str, str, str] | None  # tu, nous, vous

    def finite(self, tense: Tense, pronoun: Pronoun) -> str:
        """Give the form that carries the person: the auxiliary's in a compound tense.

        Raises:
            ImpossibleBrief: the imperative has no such person, or the verb no imperative.
        """
        if tense == "imperatif":
            if self.imperatif is None or pronoun not in IMPERATIVE_PRONOUNS:
                raise ImpossibleBrief(f"{self.infinitive!r} has no imperative for {pronoun!r}")
            return self.imperatif[IMPERATIVE_PRONOUNS.index(pronoun)]
        if tense in COMPOUND_TENSES:
            simple: Tense = "present" if tense == "passe_compose" else "imparfait"
            return paradigm(self.auxiliary).finite(simple, pronoun)
        return cast("Six", getattr(self, tense))[PERSON[pronoun]]


@lru_cache(maxsize=512)
def paradigm(infinitive: str) -> Paradigm:
    """Conjugate a verb: irregular ones from the table, the others by rule.

    Raises:
        UnknownVerb: neither the table nor a rule knows the verb.
    """
    verb = unicodedata.normalize("NFC", infinitive).strip().lower()
    stems = _stems(verb)
    imparfait = _imparfait(verb, stems)
    return Paradigm(
        infinitive=verb,
        auxiliary="être" if verb in WITH_ETRE else "avoir",
        participle=stems.participle,
        present=stems.present,
        imparfait=imparfait,
        futur_simple=_six(stems.future, _FUTURE_ENDINGS),
        conditionnel=_six(stems.future, _PAST_ENDINGS),
        subjonctif=_subjonctif(verb, stems, imparfait),
        imperatif=_imperatif(verb, stems),
    )


def conjugate(infinitive: str, tense: Tense, pronoun: Pronoun) -> str:
    """Give the whole verb form without its subject, e.g. `suis allé`, `parlerai`."""
    forms = paradigm(infinitive)
    finite = forms.finite(tense, pronoun)
    if tense not in COMPOUND_TENSES:
        return finite
    return f"{finite} {subject_participle(forms, pronoun)}"


def subject_participle(forms: Paradigm, pronoun: Pronoun) -> str:
    """Give the participle as it agrees with the subject: with `être` only."""
    if forms.auxiliary == "avoir":
        return forms.participle
    return agree(
        forms.participle,
        feminine=pronoun in FEMININE_PRONOUNS,
        plural=pronoun in PLURAL_AGREEMENT,
    )


def _stems(verb: str) -> Stems:
    model = DERIVED.get(verb, verb)
    row = IRREGULAR.get(model)
    if row is None:
        return regular_stems(verb)
    prefix = verb.removesuffix(model)
    forms = [prefix + form for form in row]
    return Stems(present=cast("Six", tuple(forms[:6])), participle=forms[6], future=forms[7])


def _six(stem: str, endings: tuple[str, ...]) -> Six:
    return cast("Six", tuple(stem + ending for ending in endings))


def _imparfait(verb: str, stems: Stems) -> Six:
    stem = "ét" if verb == "être" else stems.present[3].removesuffix("ons")
    before_i = stem
    if verb.endswith("ger"):
        before_i = stem[:-1]
    elif stem.endswith("ç"):
        before_i = f"{stem[:-1]}c"
    return cast(
        "Six",
        tuple((before_i if ending.startswith("i") else stem) + ending for ending in _PAST_ENDINGS),
    )


def _subjonctif(verb: str, stems: Stems, imparfait: Six) -> Six:
    model = DERIVED.get(verb, verb)
    if model in SUBJONCTIF:
        prefix = verb.removesuffix(model)
        return cast("Six", tuple(prefix + form for form in SUBJONCTIF[model]))
    stem = stems.present[5].removesuffix("ent")
    return (f"{stem}e", f"{stem}es", f"{stem}e", imparfait[3], imparfait[4], f"{stem}ent")


def _imperatif(verb: str, stems: Stems) -> tuple[str, str, str] | None:
    if verb in WITHOUT_IMPERATIVE:
        return None
    if verb in IMPERATIF:
        return cast("tuple[str, str, str]", tuple(IMPERATIF[verb]))
    tu = stems.present[1]
    if tu.endswith("es") or verb == "aller":
        tu = tu[:-1]
    return (tu, stems.present[3], stems.present[4])
