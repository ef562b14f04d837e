"""From a clause to English that matches its tense, person, negation and objects."""

from typing import Final

from demo_provider.french.clause import Clause, ObjectPhrase
from demo_provider.french.lexicon import EnglishVerb
from demo_provider.french.phrases import english_noun
from schemas.language import Pronoun

_SUBJECTS: Final[dict[Pronoun, str]] = {
    "je": "I",
    "tu": "you",
    "il": "he",
    "elle": "she",
    "on": "we",
    "nous": "we",
    "vous": "you",
    "ils": "they",
    "elles": "they",
}
_OBJECTS: Final[dict[str, str]] = {
    "I": "me",
    "you": "you",
    "he": "him",
    "she": "her",
    "we": "us",
    "they": "them",
}
_SINGULAR_SUBJECTS: Final = frozenset({"he", "she"})
_MODALS: Final = {
    ("pouvoir", "present"): "can",
    ("pouvoir", "imparfait"): "could",
    ("pouvoir", "conditionnel"): "could",
    ("devoir", "present"): "must",
    ("devoir", "conditionnel"): "should",
}


def write_english(clause: Clause) -> str:
    """Translate the clause."""
    time = clause.time
    words = [_core(clause), *_objects(clause)]
    if clause.complement:
        words.append(clause.complement.english)
    words.append(_again(clause))
    has_tail = time.english and not time.is_adverb and clause.time_place == "end"
    if has_tail and not time.is_please:
        words.append(time.english)
    text = " ".join(word for word in words if word)
    if has_tail and time.is_please:
        text = f"{text}, {time.english}"
    if time.english and not time.is_adverb and clause.time_place == "start":
        text = f"{time.english}, {text}"
    return f"{text[0].upper()}{text[1:]}."


def english_subject(pronoun: Pronoun) -> str:
    """Translate a subject."""
    return _SUBJECTS[pronoun]


def _core(clause: Clause) -> str:
    """Say subject and verb, inside the frame of a subjunctive."""
    subject = _SUBJECTS[clause.pronoun]
    match clause.tense:
        case "imperatif":
            return _order(clause)
        case "subjonctif":
            return _framed(clause, subject)
        case _:
            return f"{subject} {_finite(clause, subject)}"


def _order(clause: Clause) -> str:
    verb = clause.english
    base = _with_rest(verb, verb.base)
    if clause.pronoun == "nous":
        return f"let's {_adverb(clause, infinitive=True)} {base}".replace("  ", " ")
    match clause.negation:
        case "none":
            return base
        case "jamais":
            return f"never {base}"
        case _:
            return f"do not {base}"


def _framed(clause: Clause, subject: str) -> str:
    frame, verb = clause.frame, clause.english
    base = _with_rest(verb, verb.base)
    adverb = _adverb(clause, infinitive=True)
    match frame.pattern:
        case "must":
            return _squeeze(f"{subject} must {adverb} {base}")
        case "for":
            return _squeeze(f"{frame.english} for {_OBJECTS[subject]} {adverb} to {base}")
        case "object":
            return _squeeze(f"{frame.english} {_OBJECTS[subject]} {adverb} to {base}")
        case "will":
            return f"{frame.english} that {subject} {_possible(clause, subject)}"
        case "that":
            return f"{frame.english} that {subject} {_present(clause, subject)}"


def _possible(clause: Clause, subject: str) -> str:
    if clause.verb.aspect in {"event", "moment"} or clause.time.anchor == "future":
        return _with_auxiliary(clause, "will", clause.english.base)
    return _present(clause, subject)


def _finite(clause: Clause, subject: str) -> str:
    verb = clause.english
    modal = _MODALS.get((clause.verb.infinitive, clause.tense))
    if modal:
        return _modal(clause, modal)
    if clause.tense == "present":
        return _present(clause, subject)
    if clause.tense == "imparfait":
        return _imperfect(clause, subject)
    if clause.tense == "futur_simple":
        return _with_auxiliary(clause, "will", verb.base)
    if clause.tense == "conditionnel":
        wish = "like" if clause.verb.infinitive == "vouloir" else verb.base
        return _with_auxiliary(clause, "would", wish)
    return _compound(clause, subject)


def _compound(clause: Clause, subject: str) -> str:
    participle = clause.english.participle
    if clause.tense == "plus_que_parfait":
        return _with_auxiliary(clause, "had", participle)
    if clause.negation == "jamais":
        return _with_auxiliary(clause, _have(subject), participle)
    return _past(clause, subject)


def _present(clause: Clause, subject: str) -> str:
    verb = clause.english
    if clause.verb.infinitive == "pouvoir":
        return _modal(clause, "can")
    third = subject in _SINGULAR_SUBJECTS
    if _is_ongoing(clause):
        return _with_auxiliary(clause, _be(subject), verb.ing)
    if verb.base == "be":
        return _with_auxiliary(clause, _be(subject), "")
    if _adverb(clause).startswith("not"):
        return _with_auxiliary(clause, "does" if third else "do", verb.base)
    return _with_auxiliary(clause, "", verb.third if third else verb.base)


def _imperfect(clause: Clause, subject: str) -> str:
    verb = clause.english
    if _is_ongoing(clause):
        return _with_auxiliary(clause, _were(subject), verb.ing)
    is_state = clause.verb.is_known and clause.verb.aspect in {"state", "lasting"}
    if is_state or clause.negation != "none" or clause.time.is_ongoing:
        return _past(clause, subject)
    return f"used to {_with_rest(verb, verb.base)}"


def _past(clause: Clause, subject: str) -> str:
    verb = clause.english
    if verb.base == "be":
        return _with_auxiliary(clause, _were(subject), "")
    if _adverb(clause).startswith("not"):
        return _with_auxiliary(clause, "did", verb.base)
    return _with_auxiliary(clause, "", verb.past)


def _modal(clause: Clause, modal: str) -> str:
    base = clause.english.base if not clause.verb.is_modal else ""
    return _squeeze(f"{modal} {_adverb(clause)} {base}").replace("can not", "cannot")


def _is_ongoing(clause: Clause) -> bool:
    """Say whether English wants a progressive: an event, under way, not habitual."""
    return clause.verb.aspect == "event" and not clause.is_habitual


def _with_auxiliary(clause: Clause, auxiliary: str, main: str) -> str:
    return _squeeze(f"{auxiliary} {_adverb(clause)} {_with_rest(clause.english, main)}")


def _adverb(clause: Clause, *, infinitive: bool = False) -> str:
    """Say the negation and the adverb that stand before the English main verb."""
    adverb = clause.time.english if clause.time.is_adverb else ""
    match clause.negation:
        case "none":
            negation = ""
        case "jamais":
            negation = "never"
        case "plus" if not infinitive and not clause.is_compound:
            negation = "no longer"
        case _:
            negation = "not"
    return f"{negation} {adverb}".strip()


def _again(clause: Clause) -> str:
    """Say what `plus` leaves behind the verb where `no longer` does not fit."""
    if clause.negation != "plus":
        return ""
    if clause.is_compound:
        return "again"
    infinitive = clause.tense == "imperatif" or (
        clause.tense == "subjonctif" and clause.frame.pattern in {"must", "for", "object"}
    )
    return "anymore" if infinitive else ""


def _objects(clause: Clause) -> list[str]:
    verb = clause.english
    direct, indirect = _direct(clause), _indirect(clause)
    before = f"{verb.before_direct} {direct} {verb.after_direct}" if direct else ""
    # "tell Paul the truth", but "tell it to Paul"; "ask Paul for it" all the same.
    moves_back = verb.indirect_first and not verb.before_direct and _is_pronoun(clause.direct)
    link = "to" if moves_back else verb.before_indirect
    towards = f"{link} {indirect}" if indirect else ""
    ordered = (towards, before) if verb.indirect_first and not moves_back else (before, towards)
    return [_squeeze(each) for each in ordered]


def _is_pronoun(phrase: ObjectPhrase | None) -> bool:
    return phrase is not None and phrase.is_pronoun


def _direct(clause: Clause) -> str:
    if clause.negation == "rien":
        return "anything"
    if clause.negation == "personne" and not clause.personne_is_indirect:
        return "anyone"
    return english_noun(clause.direct, clause, is_direct=True) if clause.direct else ""


def _indirect(clause: Clause) -> str:
    if clause.negation == "personne" and clause.personne_is_indirect:
        return "anyone"
    return english_noun(clause.indirect, clause, is_direct=False) if clause.indirect else ""


def _with_rest(verb: EnglishVerb, main: str) -> str:
    return f"{main} {verb.rest}".strip()


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _be(subject: str) -> str:
    return {"I": "am", "he": "is", "she": "is"}.get(subject, "are")


def _were(subject: str) -> str:
    return "was" if subject in {"I", *_SINGULAR_SUBJECTS} else "were"


def _have(subject: str) -> str:
    return "has" if subject in _SINGULAR_SUBJECTS else "have"
