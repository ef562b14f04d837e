"""The forms in which the models of a server are called, as far as the server has shown them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from shared.runtime.logging import get_log
from worker_service.providers import ProviderError
from worker_service.providers.negotiation import Step
from worker_service.providers.request_form import FormLadder, RequestForm

log = get_log()

EXHAUSTED_SECONDS: Final = 60.0
"""For how long no other form is tried for a model of which every form was refused."""


class FormRefused(Exception):
    """The server does not answer a call of this form.

    `step` leads to the next form, if there is one; `error` is what the refusal means otherwise.
    """

    def __init__(self, step: Step | None, *, error: ProviderError, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What has been tried for one call: the forms refused so far, with reasons, and the next one.

    `was_sent_again` tells whether it has gone out twice because a kept connection was closed.
    """

    form: RequestForm
    refused: tuple[tuple[Step, str], ...] = ()
    was_sent_again: bool = False


@dataclass(slots=True, kw_only=True)
class Forms:
    """The forms of one server, by model; they are forgotten when the worker ends.

    A form is given up for a model once the server has taken another one. A server that refuses
    every form has refused something else: for a while its refusals are taken as they are.
    """

    provider: str
    ladder: FormLadder
    clock: Callable[[], float] = time.monotonic
    _taken: dict[str, RequestForm] = field(default_factory=dict)
    _exhausted_until: dict[str, float] = field(default_factory=dict)

    def first(self, model: str) -> Tried:
        """Begin with the form that the server took last, else with the top of the ladder."""
        return Tried(form=self._taken.get(model) or self.ladder.first())

    def after(self, tried: Tried, refusal: FormRefused, *, model: str) -> Tried | None:
        """Return what to try after a refusal; None where it has to be taken as it is."""
        is_exhausted = self.clock() < self._exhausted_until.get(model, 0.0)
        if refusal.step is None or (is_exhausted and not tried.refused):
            if tried.refused:
                self._exhausted_until[model] = self.clock() + EXHAUSTED_SECONDS
            return None
        refused = (*tried.refused, (refusal.step, str(refusal)))
        return replace(tried, form=refusal.step.form, refused=refused)

    def note_taken(self, tried: Tried, *, model: str) -> None:
        """Begin with this form from now on; each refusal on the way is logged once."""
        self._exhausted_until.pop(model, None)
        if not tried.refused:  # another call may have learned of a refusal meanwhile
            self._taken.setdefault(model, tried.form)
            return
        if self._taken.get(model) == tried.form:
            return
        self._taken[model] = tried.form
        for step, reason in tried.refused:
            log.warning(
                "provider_form_refused",
                provider=self.provider,
                model=model,
                refused=step.refused,
                instead=step.instead,
                reason=reason,
            )
