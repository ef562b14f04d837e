"""Regular conjugations by rule, the spelling changes of -er verbs included."""

import re
from dataclasses import dataclass
from typing import Final

from demo_provider.french.errors import UnknownVerb
from demo_provider.french.grammar import words

Six = tuple[str, str, str, str, str, str]

_SHORTEST: Final = 4  # "user", "agir"
_INFINITIVE: Final = re.compile(r"[a-zàâäçéèêëîïôöùûüœæ]+")
# Not the i of "briefer", which is no vowel of its own but English.
_OPEN_E: Final = re.compile(r"(?<!i)e([bcdfglmnprstvz]|vr)$")
_CLOSED_E: Final = re.compile(r"é([bcdfglmnprstvz]|[bcdfgptv][rl]|ch|gn|gu|qu)$")
_GRAVE_ELER_ETER: Final = words(
    "celer déceler receler ciseler écarteler encasteler geler congeler décongeler dégeler"
    " recongeler regeler surgeler harceler démanteler marteler modeler remodeler peler"
    " acheter préacheter racheter bégueter corseter crocheter fileter fureter haleter"
)
_SECOND_GROUP_LOOKALIKES: Final = frozenset({"appauvrir", "asservir", "assortir", "répartir"})
_THIRD_GROUP_IR: Final = re.compile(
    r"(oir|enir|courir|mourir|quérir|ouvrir|offrir|souffrir|cueillir|saillir|bouillir|fuir"
    r"|vêtir|haïr|ouïr|gésir|férir|faillir|chauvir)$"
    r"|^(re|dé|r|en|con|res|pres|as|des|dis|ren)?(partir|sortir|sentir|mentir|dormir|servir)$"
    r"|^(repentir|pressentir|consentir|démentir|départir)$"
)
_REGULAR_RE: Final = re.compile(r"([aeo]ndre|[eo]rdre|ompre)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stems:
    """What the other tenses of a verb are built from."""

    present: Six
    participle: str
    future: str


def regular_stems(infinitive: str) -> Stems:
    """Build the stems of a regular verb.

    Raises:
        UnknownVerb: the ending belongs to no regular conjugation, or to an irregular family.
    """
    if not _INFINITIVE.fullmatch(infinitive) or len(infinitive) < _SHORTEST:
        raise UnknownVerb(infinitive)
    if infinitive.endswith("er"):
        return _er(infinitive)
    if infinitive.endswith("uire") and infinitive not in {"luire", "reluire", "nuire", "bruire"}:
        return _uire(infinitive)
    if infinitive.endswith(("aindre", "eindre", "oindre")):
        return _indre(infinitive)
    if infinitive.endswith(("ir", "ïr")) and _is_second_group(infinitive):
        return _ir(infinitive)
    if _REGULAR_RE.search(infinitive) and not infinitive.endswith("prendre"):
        return _re(infinitive)
    raise UnknownVerb(infinitive)


def before_mute_e(infinitive: str) -> str:
    """Give the stem of an -er verb as it is spelled before a mute e (`achèt`, `appell`, `pai`)."""
    stem = infinitive[:-2]
    if infinitive.endswith(("ayer", "oyer", "uyer")):
        return f"{stem[:-1]}i"
    if infinitive.endswith(("eler", "eter")) and infinitive not in _GRAVE_ELER_ETER:
        return stem + stem[-1]
    if _OPEN_E.search(stem):
        return _OPEN_E.sub(r"è\1", stem)
    return _CLOSED_E.sub(r"è\1", stem)


def _er(infinitive: str) -> Stems:
    stem, mute = infinitive[:-2], before_mute_e(infinitive)
    soft = stem
    if stem.endswith("g"):
        soft = f"{stem}e"
    elif stem.endswith("c"):
        soft = f"{stem[:-1]}ç"
    # `préférer` keeps its é in the future, `lever` and `appeler` change.
    future = infinitive if _CLOSED_E.search(stem) else f"{mute}er"
    return Stems(
        present=(f"{mute}e", f"{mute}es", f"{mute}e", f"{soft}ons", f"{stem}ez", f"{mute}ent"),
        participle=f"{stem}é",
        future=future,
    )


def _is_second_group(infinitive: str) -> bool:
    return infinitive in _SECOND_GROUP_LOOKALIKES or not _THIRD_GROUP_IR.search(infinitive)


def _ir(infinitive: str) -> Stems:
    stem = infinitive[:-1]
    return Stems(
        present=(
            f"{stem}s",
            f"{stem}s",
            f"{stem}t",
            f"{stem}ssons",
            f"{stem}ssez",
            f"{stem}ssent",
        ),
        participle=stem,
        future=infinitive,
    )


def _re(infinitive: str) -> Stems:
    stem = infinitive[:-2]
    third = f"{stem}t" if stem.endswith("p") else stem
    return Stems(
        present=(f"{stem}s", f"{stem}s", third, f"{stem}ons", f"{stem}ez", f"{stem}ent"),
        participle=f"{stem}u",
        future=infinitive[:-1],
    )


def _uire(infinitive: str) -> Stems:
    stem = infinitive[:-2]
    return Stems(
        present=(f"{stem}s", f"{stem}s", f"{stem}t", f"{stem}sons", f"{stem}sez", f"{stem}sent"),
        participle=f"{stem}t",
        future=infinitive[:-1],
    )


def _indre(infinitive: str) -> Stems:
    short, long = infinitive[:-3], f"{infinitive[:-4]}gn"
    return Stems(
        present=(f"{short}s", f"{short}s", f"{short}t", f"{long}ons", f"{long}ez", f"{long}ent"),
        participle=f"{short}t",
        future=infinitive[:-1],
    )
