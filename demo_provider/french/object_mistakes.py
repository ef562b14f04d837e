"""Mistakes with object pronouns, negation and elision."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from demo_provider.french.clause import Clause
from demo_provider.french.conjugation import paradigm
from demo_provider.french.mistake import Mistake, spoil
from demo_provider.french.phrases import direct_pronoun, indirect_pronoun
from demo_provider.french.rendering import Parts, assemble, eliding_words, join, quote

# No direct object ("je l'ai répondu" can be right) and no indirect one, in any register.
_ONLY_INDIRECT: Final = frozenset({"téléphoner", "obéir"})
_ONLY_DIRECT: Final = frozenset({"attendre", "regarder", "écouter", "rencontrer", "inviter"})


def misplaced_pronoun(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Put the pronoun where English has it: `je lis le`, `j'ai lu le`."""
    pronouns = " ".join(parts.clitics or parts.suffixes)
    # "Je chante la" could be a note.
    if not pronouns or clause.verb.infinitive == "chanter":
        return
    named = [f"“{word}”" for word in parts.clitics or parts.suffixes]
    some = f"{' and '.join(named)} {'goes' if len(named) == 1 else 'go'}"
    if parts.suffixes:
        # "La montre" is a watch: only -ons and -ez cannot be nouns.
        if clause.pronoun != "tu":
            reason = f"{some} after an affirmative imperative"
            yield spoil(parts, "misplaced_pronoun", reason, suffixes=(), clitics=parts.suffixes)
    elif clause.tense == "imperatif":
        reason = f"{some} before a negative imperative"
        yield spoil(parts, "misplaced_pronoun", reason, suffixes=parts.clitics, clitics=())
    elif clause.is_compound:
        # Not "j'ai la vue": that is French for something else.
        behind = f"{paradigm(clause.verb.infinitive).participle} {pronouns}"
        reason = f"{some} before the auxiliary"
        yield spoil(parts, "misplaced_pronoun", reason, clitics=(), participle=behind)
    else:
        reason = f"{some} before the verb"
        finite = f"{parts.finite} {pronouns}"
        yield spoil(parts, "misplaced_pronoun", reason, clitics=(), finite=finite)


def swapped_pronouns(_clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Say `je lui le donne`."""
    if len(parts.clitics) > 1:
        direct, indirect = parts.clitics
        reason = f"“{direct}” comes before “{indirect}”"
        yield spoil(parts, "swapped_pronouns", reason, clitics=(indirect, direct))


def wrong_kind_of_pronoun(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Take a direct pronoun for an indirect one or the reverse: `je le téléphone`."""
    name, (field, pronouns) = clause.verb.infinitive, _placed(parts)
    if len(pronouns) != 1:
        return
    participle = paradigm(name).participle if clause.is_compound else ""
    if name in _ONLY_INDIRECT and clause.indirect:
        wrong = direct_pronoun(clause.indirect)
        reason = f"“{name}” takes an object with “à”, so its pronoun is “{pronouns[0]}”"
    elif name in _ONLY_DIRECT and clause.direct:
        wrong = indirect_pronoun(clause.direct)
        reason = f"“{name}” takes a direct object, so its pronoun is “{pronouns[0]}”"
    else:
        return
    changes = {field: (wrong,), "participle": participle}
    yield spoil(parts, "wrong_kind_of_pronoun", reason, tail=f", not “{wrong}”", **changes)


def _placed(parts: Parts) -> tuple[str, tuple[str, ...]]:
    return ("suffixes", parts.suffixes) if parts.suffixes else ("clitics", parts.clitics)


def missing_plural_agreement(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Leave the participle singular behind `les`: `je les ai lu`."""
    forms = paradigm(clause.verb.infinitive)
    if "les" in parts.clitics and clause.is_compound and not forms.participle.endswith("s"):
        reason = "The participle agrees in the plural with “les” before the auxiliary"
        yield spoil(parts, "missing_agreement", reason, participle=forms.participle)


def missing_elision(_clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Write `je ai`, `ne a`, `que il`."""
    words = (*parts.frame[1:], *parts.core())
    losing = eliding_words(words)
    if not losing:
        return
    named = " and ".join(f"“{word}”" for word in losing)
    verb = "loses its" if len(losing) == 1 else "lose their"
    right = join(words)
    yield Mistake(
        kind="missing_elision",
        content=assemble(parts, elides=False),
        right_form=right,
        explanation=f"{named} {verb} vowel before a vowel sound: the right form is “{right}”.",
    )


def misplaced_negation(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Keep both halves of the negation together: `je ne pas lis`."""
    if parts.second:
        reason = f"“{parts.second}” goes after the conjugated verb"
        changes = {"ne": f"ne {parts.second}", "second": ""}
        yield spoil(parts, "misplaced_negation", reason, **changes)
    elif clause.is_compound and parts.rest[:1] == ("personne",):
        right = quote(parts)
        yield Mistake(
            kind="misplaced_negation",
            content=assemble(replace(parts, second="personne", rest=parts.rest[1:])),
            right_form=right,
            explanation=f"“personne” goes after the participle: the right form is “{right}”.",
        )


def double_negation(clause: Clause, parts: Parts) -> Iterator[Mistake]:
    """Add a `pas` to a negation that is complete: `je ne vois pas personne`."""
    if clause.negation not in {"personne", "aucun", "jamais"}:
        return
    word = next(
        (each for each in parts.rest if each.startswith(("aucun", "personne", "à personne"))),
        parts.second,
    )
    second = f"pas {parts.second}".strip()
    reason = f"“{word}” completes the negation, so there is no “pas”"
    yield spoil(parts, "double_negation", reason, second=second)
