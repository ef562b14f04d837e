"""Submit one example request through the public API and watch it to its end."""

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from devstack.errors import DevstackError
from devstack.failures import explain, find_failure, is_misconfigured

_PATH = "/sentences/generate"
_BODY: dict[str, Any] = {"count": 3, "constraints": {"tenses_used": ["imparfait"]}}
_FINAL = {"completed", "partial", "failed", "cancelled"}
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 180.0
_MISCONFIGURED_SECONDS = 8.0
"""How long a failure that only other settings can mend may last: its circuit opens at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the example ended; `is_misconfigured`: other settings are needed first."""

    status: str
    is_misconfigured: bool


def show_example(api_url: str, console: Console) -> Shown:
    """Return how the example ended, having shown its entities and its failures as they came.

    A request that only other settings can help is not waited for.
    """
    with httpx.Client(base_url=api_url, trust_env=False, timeout=10) as client:
        try:
            accepted = client.post(_PATH, json=_BODY).raise_for_status()
            # Not its Location: behind a proxy that leads callers elsewhere.
            request_id = accepted.headers["Location"].rpartition("/")[2]
            location = httpx.URL(f"{api_url}/generation-requests/{request_id}")
            console.print(f"POST {_PATH} -> {accepted.status_code}, {location}", highlight=False)
            record = _watch(client, location, console)
        except httpx.HTTPError as error:
            raise DevstackError(f"the example request failed: {error}") from error
    if line := explain(record):
        console.print(line, highlight=False, markup=False)
    return Shown(status=record["status"], is_misconfigured=is_misconfigured(record))


def next_request(api_url: str) -> str:
    """Return a command that asks for more."""
    return f"curl -i {api_url}{_PATH} -H 'Content-Type: application/json' -d '{json.dumps(_BODY)}'"


def _watch(client: httpx.Client, location: httpx.URL, console: Console) -> dict[str, Any]:
    """Show the record until it is final, or nothing can come of it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    deadline = time.monotonic() + _PATIENCE_SECONDS
    misconfigured_since: float | None = None
    shown: list[dict[str, Any]] = []
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("pending", total=_BODY["count"])
        while True:
            record: dict[str, Any] = client.get(location).raise_for_status().json()
            _show(record, shown, console)
            progress.update(
                bar, completed=record["generated_count"], description=_description(record)
            )
            now = time.monotonic()
            misconfigured_since = (misconfigured_since or now) if is_misconfigured(record) else None
            is_over = (
                misconfigured_since is not None
                and now > misconfigured_since + _MISCONFIGURED_SECONDS
            )
            if record["status"] in _FINAL or is_over or now > deadline:
                return record
            time.sleep(_POLL_SECONDS)


def _show(record: dict[str, Any], shown: list[dict[str, Any]], console: Console) -> None:
    landed = [entity for entity in record["entities"] if entity not in shown]
    for entity in landed:
        console.print(f"  {_in_words(entity)}", highlight=False, markup=False)
    shown += landed


def _description(record: dict[str, Any]) -> str:
    failure = find_failure(record)
    return f"{record['status']} ({failure['code']})" if failure else str(record["status"])


def _in_words(sentence: dict[str, Any]) -> str:
    return f"{sentence['content']}  –  {sentence['translation']}"
