"""What `make run` says of a request that does not get on."""

from typing import Any

import httpx
import pytest
from rich.console import Console

from devstack import example
from devstack.failures import explain, is_misconfigured
from shared.errors import ErrorCode


def a_failure(code: str) -> dict[str, Any]:
    return {"code": code, "message": "it said no"}


def a_record(
    status: str, *, last: str | None = None, failed: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "status": status,
        "generated_count": 0,
        "entities": [],
        "last_failure": a_failure(last) if last else None,
        "failures": [a_failure(code) for code in failed],
    }


def test_a_request_that_completed_needs_no_words():
    assert explain(a_record("completed", last="auth")) == ""


@pytest.mark.parametrize(
    "record", [a_record("pending", last="auth"), a_record("failed", failed=("timeout", "auth"))]
)
def test_the_last_failure_is_told_with_its_code_and_what_to_do(record):
    assert explain(record).startswith("auth: it said no\nWhat to do: ")
    assert "correct it in .env" in explain(record)


def test_a_failure_without_a_remedy_of_its_own_names_where_to_read_on():
    assert "docs/providers.md" in explain(a_record("failed", failed=("truncated",)))


def test_a_request_without_a_failure_names_its_status():
    assert "is pending" in explain(a_record("pending"))


@pytest.mark.parametrize("code", ["auth", "quota_exhausted", "misconfigured", "unsupported"])
def test_only_other_settings_help_a_wrong_key_address_or_model(code):
    assert ErrorCode(code)
    assert is_misconfigured(a_record("pending", last=code))


@pytest.mark.parametrize("code", ["rate_limited", "provider_unavailable", "timeout"])
def test_a_provider_that_may_come_back_is_waited_for(code):
    assert not is_misconfigured(a_record("pending", last=code))


def test_the_example_ends_where_nothing_can_come_of_it(monkeypatch, capsys):
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, headers={"Location": "/generation-requests/1"})
        return httpx.Response(200, json=a_record("pending", last="auth"))

    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(example, "_MISCONFIGURED_SECONDS", 0.0)
    monkeypatch.setattr(httpx, "Client", lambda **_: client)

    shown = example.show_example("http://api", Console(soft_wrap=True))

    assert shown == example.Shown(status="pending", is_misconfigured=True)
    assert "auth: it said no" in capsys.readouterr().out
