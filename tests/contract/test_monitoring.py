"""The alert rules and the dashboard ask for what the services measure."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from shared.errors import ErrorCode
from shared.runtime.metrics import API, DECLARED, WORKER, exposition

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = DOCS / "monitoring" / "alerts.yaml"
DASHBOARD = DOCS / "monitoring" / "dashboard.json"
OPERATIONS = DOCS / "operations.md"

OF_THE_SCRAPE = {"instance", "job"}
"""The labels that Prometheus itself gives to every series."""

_NAME = re.compile(r"\bgeneration_\w+")
_SELECTOR = re.compile(r"\b(generation_\w+)\{([^}]*)\}")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SHOWN = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def series() -> dict[str, set[str]]:
    """Return the names of all series with their labels."""
    known = {name: set[str]() for name in processes()}
    for metric, labels in DECLARED:
        for family in metric.describe():
            suffixes = {"counter": ["_total"], "gauge": [""]}.get(
                family.type, ["_bucket", "_count", "_sum"]
            )
            for suffix in suffixes:
                is_bucket = suffix == "_bucket"
                known[family.name + suffix] = {*labels} | ({"le"} if is_bucket else set())
    return known


def processes() -> Iterator[str]:
    """List the series of the library's process collector."""
    for family in API.collect():
        if family.name.startswith("generation_process_"):
            yield from {sample.name for sample in family.samples}


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    listed: list[dict[str, Any]] = group["rules"]
    return listed


def asked() -> Iterator[tuple[str, str]]:
    """List every expression, with the texts that show its labels."""
    for rule in rules():
        yield rule["expr"], " ".join(rule["annotations"].values())
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


@pytest.mark.parametrize(("expression", "shown"), [*asked()])
def test_an_expression_names_series_and_labels_that_exist(expression: str, shown: str):
    known = series()
    names = {*_NAME.findall(expression)}

    assert names
    assert names <= {*known}
    for name, matchers in _SELECTOR.findall(expression):
        assert {*_MATCHER.findall(re.sub('"[^"]*"', "", matchers))} <= known[name] | OF_THE_SCRAPE
    may_be_shown = OF_THE_SCRAPE.union(*(known[name] for name in names))
    grouped = (label.strip() for of in _GROUPING.findall(expression) for label in of.split(","))
    assert {*grouped} <= may_be_shown
    assert {*_SHOWN.findall(shown)} - {"value"} <= may_be_shown


def test_each_alert_has_a_severity_and_a_section_that_says_what_to_do():
    headings = {
        line.lstrip("# ").lower()
        for line in OPERATIONS.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    }

    assert len(rules()) == 8
    for rule in rules():
        page, _, section = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/operations.md"
        assert section == rule["alert"].lower()
        assert section in headings
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_every_code_is_counted_from_zero():
    """A counter that appears with its first failure hides it from `increase()`."""
    counted = {
        sample.labels["code"]
        for family in WORKER.collect()
        if family.name == "generation_items_failed"
        for sample in family.samples
    }

    assert counted == {*ErrorCode}


def _promtool(*arguments: str, given: bytes | None = None) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it comes with Prometheus")
    done = subprocess.run(
        [promtool, *arguments], input=given, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_prometheus_accepts_the_rules_and_they_fire_as_their_tests_say():
    _promtool("check", "rules", str(ALERTS))
    _promtool("test", "rules", str(ALERTS.with_name("alerts_test.yaml")))


@pytest.mark.parametrize("registry", [API, WORKER], ids=["api", "worker"])
def test_prometheus_finds_no_fault_with_the_names(registry: CollectorRegistry):
    _promtool("check", "metrics", given=exposition(registry))
