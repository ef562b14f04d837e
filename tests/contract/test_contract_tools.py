"""What the linters of others say about the OpenAPI document; these need Node."""

import json
from pathlib import Path

import pytest

from tests.contract.test_openapi import an_app
from tests.support.node import run_tool

RULES = 'extends: ["spectral:oas", "spectral:asyncapi"]\nrules: {info-contact: off}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "openapi.json").write_text(json.dumps(an_app().openapi()), encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def test_spectral_has_nothing_to_say_about_the_openapi_document(folder: Path):
    arguments = ("lint", "openapi.json", "--ruleset", "rules.yaml", "--fail-severity", "hint")

    assert "No results" in run_tool("spectral", *arguments, cwd=folder)


def test_redocly_finds_no_error_in_the_openapi_document(folder: Path):
    assert (
        json.loads(run_tool("redocly", "lint", "openapi.json", "--format=json", cwd=folder))[
            "totals"
        ]["errors"]
        == 0
    )
