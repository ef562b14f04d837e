"""The exported JSON Schemas."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from schemas import api, events, messages

FOLDER = Path(api.__file__).parent / "json"


def exported_schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_the_exported_schemas_are_current():
    checked = subprocess.run(
        [sys.executable, "-m", "schemas", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")


def test_messages_are_exported_under_the_name_of_their_event():
    for event_type in (messages.DISPATCH_TYPE, events.SETTLED_TYPE):
        subject, past_participle, version = event_type.split(".")
        file = FOLDER / f"{subject}_{past_participle}.{version}.json"
        assert json.loads(file.read_text())["properties"]["generation_request_id"]


def test_consumers_ignore_fields_that_they_do_not_know():
    message = messages.GenerationRequested.model_validate_json(
        '{"schema_version": 1, "generation_request_id": '
        '"019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10", "added_later": {}}'
    )

    assert str(message.generation_request_id) == "019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10"
