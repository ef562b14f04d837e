"""`make up` tells a stack that runs what is there now from one that runs what was."""

from pathlib import Path

import pytest

from devstack.description import read_description, source_fingerprint, write_description


@pytest.fixture
def checkout(tmp_path) -> Path:
    (tmp_path / "api_service").mkdir()
    (tmp_path / "api_service" / "app.py").write_text("app = 1")
    return Path(tmp_path)


def test_an_edit_a_new_file_and_other_settings_change_what_a_stack_is_made_of(checkout):
    seen = [source_fingerprint(checkout)]
    (checkout / "api_service" / "app.py").write_text("app = 22")
    seen.append(source_fingerprint(checkout))
    (checkout / "api_service" / "new.sql").touch()
    seen.append(source_fingerprint(checkout))
    (checkout / ".env").write_text("WORKERS=2")
    seen.append(source_fingerprint(checkout))
    assert len({*seen}) == 4


def test_what_python_compiles_and_what_no_service_reads_changes_nothing(checkout):
    before = source_fingerprint(checkout)
    (checkout / "api_service" / "app.pyc").touch()
    (checkout / "README.md").touch()
    assert source_fingerprint(checkout) == before


def test_a_description_is_for_its_owner_alone(tmp_path):
    write_description(tmp_path, {"database_url": "postgresql://user:secret@db/name"})
    assert read_description(tmp_path) == {"database_url": "postgresql://user:secret@db/name"}
    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0


def test_a_stack_that_does_not_run_has_no_description(tmp_path):
    assert read_description(tmp_path) is None
