"""What takes long is said again; what does not, once."""

import itertools
from types import SimpleNamespace

import pytest

from devstack import progress


@pytest.fixture
def now(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_nothing_is_silent_for_longer_than_the_limit(now, capsys):
    said = progress.Progress()
    said.report("starting Kafka")
    for now[0] in itertools.islice(itertools.count(0.5, 0.5), 11):
        said.remind()
    assert capsys.readouterr().err.splitlines() == [
        "starting Kafka",
        "  2 s: starting Kafka",
        "  5 s: starting Kafka",
    ]


def test_a_step_is_said_only_if_it_takes_long(now, capsys):
    said = progress.Progress()
    said.step("making the schema")
    said.step("creating the topics")
    assert capsys.readouterr().err == ""
    now[0] = progress.SILENCE_SECONDS
    said.remind()
    assert capsys.readouterr().err == "  2 s: creating the topics\n"
