"""Mistakes in the form of the verb."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from demo_provider.french.clause import Clause
from demo_provider.french.conjugation import paradigm
from demo_provider.french.grammar import FEMININE_PRONOUNS, TENSE_NAMES, agree, words
from demo_provider.french.mistake import Mistake, spoil
from demo_provider.french.rendering import Parts, assemble, parts_of, quote
from schemas.language import Pronoun, Tense

_MODELS: Final[tuple[Pronoun, ...]] = ("je", "tu", "il", "nous", "vous", "ils")
_SIMPLE: Final[tuple[Tense, ...]] = (
    "present",
    "imparfait",
    "futur_simple",
    "conditionnel",
    "subjonctif",
)
# Verbs that no transitive use, passive or dialect lets take the other auxiliary.
_ONLY_ETRE: Final = words("aller venir arriver partir rester entrer devenir revenir naître mourir")
_ONLY_AVOIR: Final = words(
    "téléphoner parler dormir marcher voyager nager dîner être pouvoir devoir"
)
_SHOWN_GENDERS: Final[frozenset[Pronoun]] = frozenset({"il", "elle", "ils", "elles"})
_NOUN_LOOKALIKES: Final = frozenset({"danser", "marcher", "téléphoner"})
_FALSE_PARTICIPLES: Final = {"prendre": "prendu", "mettre": "mettu", "vrir": "vri", "ffrir": "ffri"}


def wrong_person(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Take the form of another person: `je lisons`, `tu a lu`."""
    if clause.tense == "imperatif":
        return
    forms = paradigm(clause.verb.infinitive)
    carrier = paradigm(forms.auxiliary) if clause.is_compound else forms
    fitting = {carrier.finite(tense, clause.pronoun) for tense in _SIMPLE}
    offered = set()
    for model in _MODELS:
        form = forms.finite(clause.tense, model)
        if form in fitting or form in offered:
            continue
        offered.add(form)
        reason = f"“{form}” goes with “{model}”, not with “{clause.pronoun}”"
        yield spoil(parts, "wrong_person", reason, finite=form)


def wrong_auxiliary(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Take the other auxiliary: `j'ai allé`, `je suis lu le livre`."""
    if not clause.is_compound:
        return
    forms = paradigm(clause.verb.infinitive)
    simple: Tense = "present" if clause.tense == "passe_compose" else "imparfait"
    reason = f"“{forms.infinitive}” forms its compound tenses with “{forms.auxiliary}”"
    if forms.auxiliary == "être":
        if forms.infinitive in _ONLY_ETRE:
            finite = paradigm("avoir").finite(simple, clause.pronoun)
            changes = {"finite": finite, "participle": forms.participle}
            yield spoil(parts, "wrong_auxiliary", reason, **changes)
    # "Il est vendu des livres" is an impersonal passive, hence right.
    elif clause.pronoun != "il" and (clause.direct or forms.infinitive in _ONLY_AVOIR):
        finite = paradigm("être").finite(simple, clause.pronoun)
        yield spoil(parts, "wrong_auxiliary", reason, finite=finite)


def infinitive_for_form(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Leave the infinitive: `je lire`, `j'ai lire`."""
    infinitive = paradigm(clause.verb.infinitive).infinitive
    tail = f", not the infinitive “{infinitive}”"
    if clause.is_compound:
        reason = "A compound tense needs the past participle"
        yield spoil(parts, "infinitive_for_form", reason, tail=tail, participle=infinitive)
    elif clause.tense != "imperatif":
        reason = f"“{clause.pronoun}” needs a conjugated verb ({TENSE_NAMES[clause.tense]})"
        yield spoil(parts, "infinitive_for_form", reason, tail=tail, finite=infinitive)


def wrong_tense(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Take a tense that the time expression excludes: `hier, je lirai`."""
    if clause.tense in {"subjonctif", "imperatif"} or clause.time.anchor == "none":
        return
    is_past = clause.time.anchor == "past"
    tense: Tense = "futur_simple" if is_past else "plus_que_parfait"
    other = parts_of(replace(clause, tense=tense))
    when = "past" if is_past else "future"
    right = quote(parts)
    yield Mistake(
        kind="wrong_tense",
        content=assemble(other),
        right_form=right,
        explanation=(
            f"“{clause.time.french}” refers to the {when}: the right form is “{right}”,"
            f" not the {TENSE_NAMES[tense]} “{quote(other)}”."
        ),
    )


def wrong_mood(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Take the indicative for the subjunctive, or anything but the imperative for an order."""
    if clause.tense == "subjonctif":
        yield from _indicative(clause, parts)
    elif clause.tense == "imperatif":
        yield from _no_imperative(clause, parts)


def _indicative(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    forms = paradigm(clause.verb.infinitive)
    for tense in ("present", "futur_simple"):
        form = forms.finite(tense, clause.pronoun)
        if form != parts.finite:
            reason = f"“{clause.frame.french} que” calls for the subjunctive"
            tail = f", not the {TENSE_NAMES[tense]} “{form}”"
            yield spoil(parts, "wrong_mood", reason, tail=tail, finite=form)


def _no_imperative(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    forms = paradigm(clause.verb.infinitive)
    right = parts.finite
    for tense in ("present", "subjonctif", "futur_simple"):
        form = forms.finite(tense, clause.pronoun)
        is_noun = forms.infinitive in _NOUN_LOOKALIKES and clause.pronoun == "tu"
        if form == right or (is_noun and tense != "futur_simple"):
            continue
        reason = f"The imperative of “{forms.infinitive}” for “{clause.pronoun}” is “{right}”"
        tail = f", not “{form}” ({TENSE_NAMES[tense]})"
        yield spoil(parts, "wrong_mood", reason, tail=tail, finite=form)


def regular_stem(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Build a future on the infinitive, or a second person on the first: `je venirai`."""
    forms = paradigm(clause.verb.infinitive)
    name = forms.infinitive
    if clause.tense == "present" and clause.pronoun == "vous" and name.endswith(("faire", "dire")):
        form = f"{forms.present[3].removesuffix('ons')}ez"
        reason = f"The present of “{name}” is irregular for “vous”"
        yield spoil(parts, "regular_stem", reason, tail=f", not “{form}”", finite=form)
    # "Payerai" is as good as "paierai".
    if clause.tense not in {"futur_simple", "conditionnel"} or name.endswith("ayer"):
        return
    stem = forms.futur_simple[0].removesuffix("ai")
    form = name.removesuffix("e") + parts.finite.removeprefix(stem)
    if form != parts.finite:
        reason = f"The {TENSE_NAMES[clause.tense]} of “{name}” has the stem “{stem}-”"
        yield spoil(parts, "regular_stem", reason, tail=f", not “{form}”", finite=form)


def regular_participle(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Make a regular participle of an irregular verb: `j'ai prendu`."""
    name = clause.verb.infinitive
    if not clause.is_compound:
        return
    for ending, false in _FALSE_PARTICIPLES.items():
        if name.endswith(ending):
            form = name.removesuffix(ending) + false
            right = paradigm(name).participle
            reason = f"The past participle of “{name}” is “{right}”"
            yield spoil(
                parts, "regular_participle", reason, tail=f", not “{form}”", participle=form
            )


def missing_subject_agreement(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Forget that `être` makes the participle or adjective agree: `elle est allé`."""
    if clause.pronoun not in _SHOWN_GENDERS:
        return
    plural, feminine = clause.pronoun in {"ils", "elles"}, clause.pronoun in FEMININE_PRONOUNS
    forms = paradigm(clause.verb.infinitive)
    reason = f"With “être” the participle agrees with “{clause.pronoun}”"
    if clause.is_compound and forms.auxiliary == "être":
        for gender, number in ((feminine, not plural), (not feminine, plural)):
            participle = agree(forms.participle, feminine=gender, plural=number)
            yield spoil(parts, "missing_agreement", reason, participle=participle)
    if clause.complement and len(clause.complement.forms) > 1:
        yield from _adjective(
            clause, parts, clause.complement.forms, feminine=feminine, plural=plural
        )


def _adjective(
    clause: Clause, parts: Parts, forms: tuple[str, ...], *, feminine: bool, plural: bool
) -> Iterator[Mistake]:
    right = parts.rest[-1]
    whole = f"{quote(parts)} {right}"
    for gender, number in ((feminine, not plural), (not feminine, plural)):
        form = forms[2 * number + gender]
        if form != right:
            yield Mistake(
                kind="missing_agreement",
                content=assemble(replace(parts, rest=(*parts.rest[:-1], form))),
                right_form=whole,
                explanation=(
                    f"The adjective agrees with “{clause.pronoun}”: the right form is “{whole}”,"
                    f" not “{form}”."
                ),
            )
