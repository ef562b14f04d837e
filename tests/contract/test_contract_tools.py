"""What the linters of others say about the OpenAPI and AsyncAPI documents; these need Node."""

import json
from pathlib import Path

import pytest

from schemas import asyncapi
from tests.contract.test_openapi import an_app
from tests.support.node import run_tool

OFF = ("info-contact", "asyncapi-info-contact", "asyncapi-latest-version")
RULES = {"extends": ["spectral:oas", "spectral:asyncapi"], "rules": dict.fromkeys(OFF, "off")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "openapi.json").write_text(json.dumps(an_app().openapi()), encoding="utf-8")
    (tmp_path / "asyncapi.json").write_text(json.dumps(asyncapi.document()), encoding="utf-8")
    (tmp_path / "rules.json").write_text(json.dumps(RULES), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("document", ["openapi.json", "asyncapi.json"])
def test_spectral_has_nothing_to_say_about_a_document(folder: Path, document: str):
    arguments = ("lint", document, "--ruleset", "rules.json", "--fail-severity", "hint")

    assert "No results" in run_tool("spectral", *arguments, cwd=folder)


def test_redocly_finds_no_error_in_the_openapi_document(folder: Path):
    assert (
        json.loads(run_tool("redocly", "lint", "openapi.json", "--format=json", cwd=folder))[
            "totals"
        ]["errors"]
        == 0
    )
