"""The programs without arguments show their help and refuse what they would ignore."""

import pytest

from api_service import relay
from migrations import __main__ as migrations
from shared.kafka import topics
from worker_service import __main__ as worker

PROGRAMS = (relay, migrations, topics, worker)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.__name__)
@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("--dry-run", 2), ("x", 2)])
def test_an_argument_is_never_ignored(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: object,
    argument: str,
    status: int,
):
    monkeypatch.setattr("sys.argv", ["program", argument])

    with pytest.raises(SystemExit) as left:
        program.main()  # type: ignore[attr-defined]

    assert left.value.code == status
    assert "usage: python -m " in "".join(capsys.readouterr())
