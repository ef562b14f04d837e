"""No secret of a provider is in what is kept of its words."""

import json

import pytest

from worker_service.providers.fault import fault_of
from worker_service.providers.secrets import Redactor

KEY = "sk-ab/cd+ef&0123456789"
REDACT = Redactor(
    base_url="http://me:pass%2Fword@host/v1?key=k-in-query",
    values=(KEY, "Bearer tok-24680", "short"),
)


@pytest.mark.parametrize("before", range(575, 605))
def test_a_key_across_the_cut_leaves_no_beginning(before: int):
    fault = fault_of(401, {"error": {"message": "." * before + KEY}}, redact=REDACT)

    assert "sk" not in fault.shown
    assert "sk" not in repr(fault)


@pytest.mark.parametrize(
    "said",
    [
        f"no {KEY}!",
        f"cut at its end: {KEY[:9]}",
        "the word tok-24680 alone",
        "Bearer tok-24680",
        json.dumps(KEY).replace("/", "\\/"),
        "sk-ab/cd+ef&amp;0123456789",
        "sk-ab%2Fcd%2Bef%260123456789",
        "pass/word and k-in-query",
        "via http://you:hidden@proxy:3128/",
    ],
)
def test_a_secret_is_taken_out_however_it_is_written(said: str):
    shown = REDACT(said)

    assert "[secret]" in shown
    assert not any(part in shown for part in ("sk-", "tok-", "pass", "k-in", "hidden"))


def test_the_name_of_a_scheme_and_short_words_are_no_secrets():
    assert REDACT("Bearer is short") == "Bearer is short"


def test_the_words_of_other_headers_are_no_secrets_alone():
    redact = Redactor(base_url="http://host", values=("Exercise model service",))

    assert redact("the model is not at this service") == "the model is not at this service"
    assert redact("from Exercise model service") == "from [secret]"


def test_the_words_of_a_fault_are_few_and_short():
    fault = fault_of(400, {"error": {"type": ["required " * 10_000] * 1_000}}, redact=REDACT)

    assert sum(map(len, fault.words)) <= 32 * 100
