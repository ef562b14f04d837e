"""Which form is tried next, and for how long a walk through all of them is not repeated."""

from dataclasses import dataclass, field

from shared.errors import ErrorCode
from worker_service.providers import PermanentError
from worker_service.providers.forms import EXHAUSTED_SECONDS, FormRefused, Forms, Tried
from worker_service.providers.negotiation import Step
from worker_service.providers.request_form import FormLadder, RequestForm, ResponseMode

LADDER = FormLadder()
STREAMED = RequestForm(response=ResponseMode.STREAMED)
DOWN = Step(axis="response", refused="a stream with counts", form=STREAMED)


def refusal(step: Step | None = DOWN) -> FormRefused:
    error = PermanentError(ErrorCode.BAD_REQUEST, "no")
    return FormRefused(step, error=error, reason="no")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Negotiated:
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.forms = Forms(provider="openai", ladder=LADDER, clock=self.clock)

    def step(self, model: str = "tiny") -> Tried | None:
        return self.forms.after(self.forms.first(model), refusal(), model=model)

    def exhaust(self, model: str = "tiny") -> None:
        tried = self.step(model)
        assert tried is not None
        assert self.forms.after(tried, refusal(None), model=model) is None


def test_a_call_goes_on_in_the_next_form():
    following = Negotiated().step()

    assert following is not None
    assert (following.form, [step for step, _ in following.refused]) == (STREAMED, [DOWN])


def test_a_call_that_was_begun_before_a_refusal_takes_back_nothing_of_it():
    negotiated = Negotiated()
    before, stepped = negotiated.forms.first("tiny"), negotiated.step()
    assert stepped is not None

    negotiated.forms.note_taken(stepped, model="tiny")
    negotiated.forms.note_taken(before, model="tiny")

    assert negotiated.forms.first("tiny").form == STREAMED


def test_once_every_form_was_refused_none_is_tried_for_a_while():
    negotiated = Negotiated()
    negotiated.exhaust()

    assert negotiated.step() is None
    assert negotiated.step("another") is not None
    negotiated.clock.now += EXHAUSTED_SECONDS
    assert negotiated.step() is not None


def test_a_call_that_is_taken_ends_that_while():
    negotiated = Negotiated()
    negotiated.exhaust()

    negotiated.forms.note_taken(negotiated.forms.first("tiny"), model="tiny")

    assert negotiated.step() is not None


def test_a_call_that_has_begun_to_walk_goes_on():
    negotiated = Negotiated()
    walking = negotiated.step()
    negotiated.exhaust()
    assert walking is not None

    assert negotiated.forms.after(walking, refusal(), model="tiny") is not None


def test_a_refusal_of_the_form_that_was_taken_before_says_nothing_of_the_others():
    negotiated = Negotiated()
    negotiated.forms.note_taken(Tried(form=STREAMED), model="tiny")

    first = negotiated.forms.first("tiny")
    assert negotiated.forms.after(first, refusal(None), model="tiny") is None

    assert first.form == STREAMED
    assert negotiated.step() is not None
