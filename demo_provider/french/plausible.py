"""What a French speaker would rather not say, though the grammar allows it.

These rules steer the choice; a brief that leaves nothing better gets an odd sentence.
"""

from demo_provider.french.clause import Clause, ObjectPhrase


def oddity(clause: Clause) -> int:
    """Grade a clause: 0 natural, 1 an order nobody gives, 2 parts that do not go together."""
    natural = (
        _time_fits(clause)
        and _frame_fits(clause)
        and _negation_fits(clause)
        and _objects_fit(clause)
    )
    if not natural:
        return 2
    return 0 if _order_fits(clause) else 1


def is_willed(clause: Clause) -> bool:
    """Say whether one could decide to do it: visit a museum, but not be tired."""
    if clause.direct and clause.direct.noun.is_virtue:
        return True
    return clause.verb.is_willed and (clause.complement is None or clause.complement.is_willed)


def _time_fits(clause: Clause) -> bool:
    time, verb = clause.time, clause.verb
    if verb.aspect not in time.aspects or clause.negation not in time.negations:
        return False
    if time.needs_will and (
        verb.infinitive in {"devoir", "vouloir"}
        or (clause.negation == "none" and not is_willed(clause))
    ):
        return False
    if clause.tense == "present" and time.is_habitual and not time.is_adverb:
        return is_willed(clause) or clause.negation != "none"
    # "pendant deux ans" measures a life in Paris, not the love of a song.
    return time.french != "pendant deux ans" or clause.direct is None


def _frame_fits(clause: Clause) -> bool:
    frame, verb, negated = clause.frame, clause.verb, clause.negation != "none"
    if not frame.french:
        return True
    if (negated and not frame.can_negate) or (clause.time.french and not frame.takes_time):
        return False
    if frame.is_wish:
        return _is_wished(clause) and not verb.is_modal and verb.aspect != "lasting"
    if frame.can_affirm_wishes:
        return True
    is_mishap = not is_willed(clause) and (verb.aspect == "moment" or clause.complement is not None)
    return negated != is_mishap


def _order_fits(clause: Clause) -> bool:
    if clause.tense != "imperatif":
        return True
    direct = clause.direct
    is_virtue = direct is not None and direct.noun.is_virtue and not direct.is_pronoun
    if not clause.verb.can_order and not is_virtue:
        return False
    if not is_willed(clause):
        return clause.negation in {"pas", "jamais"} and _is_avoidable(clause)
    return _is_wished(clause)


def _is_wished(clause: Clause) -> bool:
    """Say whether one would want it of somebody: politeness, and no lack of it."""
    if clause.verb.infinitive not in {"être", "avoir"}:
        return is_willed(clause)
    if clause.negation == "none":
        return is_willed(clause)
    return not is_willed(clause) and _is_avoidable(clause)


def _is_avoidable(clause: Clause) -> bool:
    return clause.complement is None or clause.complement.is_avoidable


def _negation_fits(clause: Clause) -> bool:
    verb, tense, negation = clause.verb, clause.tense, clause.negation
    if verb.infinitive == "devoir" and negation != "none":
        return tense in {"present", "conditionnel"}
    if verb.aspect == "lasting" and negation == "jamais":
        return clause.is_compound or tense in {"futur_simple", "conditionnel"}
    return True


def _objects_fit(clause: Clause) -> bool:
    direct = clause.direct
    if clause.verb.indirect and not (
        direct or clause.indirect or clause.complement or clause.negation in {"rien", "personne"}
    ):
        return False
    if direct is None or clause.verb.aspect in {"state", "lasting"}:
        return True
    if direct.noun.is_person:
        is_some = direct.determiner == "indefinite" and not direct.is_plural
        return not is_some or clause.negation in {"none", "aucun"}
    if clause.is_habitual:
        return _is_met_again(direct, clause)
    if clause.negation in {"jamais", "plus"}:
        return direct.is_pronoun or direct.noun.is_routine or direct.determiner != "definite"
    return True


def _is_met_again(direct: ObjectPhrase, clause: Clause) -> bool:
    """Say whether the object can recur: bread, the newspaper, one's keys; not this one apple."""
    if direct.noun.is_routine:
        return direct.determiner != "demonstrative"
    if direct.determiner == "possessive":
        return direct.is_plural or clause.verb.aspect == "moment"
    return direct.is_plural and (direct.is_pronoun or direct.determiner == "indefinite")
