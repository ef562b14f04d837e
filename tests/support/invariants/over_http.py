"""The invariants that a caller sees: what the API says of every promise, in reads and in lists."""

from collections.abc import Mapping
from typing import Any

import httpx

from schemas.states import FINAL

Json = dict[str, Any]
_PAGE = 100


async def violations(
    api: httpx.AsyncClient, promised: Mapping[str, str], *, calls: Mapping[str, int]
) -> list[str]:
    """Return what the API tells wrongly of the requests whose paths were promised, by their ids.

    `calls` is how many are recorded, by the same ids.
    """
    listed = [entry["request_id"] for entry in await _listed(api)]
    found = [
        f"request {request_id} is listed {listed.count(request_id)} times"
        for request_id in promised
        if listed.count(request_id) != 1
    ]
    for request_id, path in promised.items():
        faults = await _faults(api, path, calls=calls.get(request_id, 0))
        found += [f"request {request_id} {fault}" for fault in faults]
    return found


async def usage_violations(api: httpx.AsyncClient, calls: Mapping[str, int]) -> list[str]:
    """Return the requests of the list whose usage is not that of their recorded calls."""
    return [
        f"request {entry['request_id']} {fault}"
        for entry in await _listed(api)
        if (fault := _usage_fault(entry, calls.get(entry["request_id"], 0))) is not None
    ]


def _usage_fault(record: Json, calls: int) -> str | None:
    shown = record["usage"]["calls"]
    return None if shown == calls else f"shows {shown} of {calls} recorded calls"


async def _faults(api: httpx.AsyncClient, path: str, *, calls: int) -> list[str]:
    answer = await api.get(path)
    if answer.status_code != httpx.codes.OK:
        return [f"answers {answer.status_code}"]
    record: Json = answer.json()
    made, failed = record["generated_count"], record["failed_count"]
    rules = {
        f"is {record['status']}": record["status"] not in FINAL,
        "has no end": record["completed_at"] is None,
        "asks to be polled again": "Retry-After" in answer.headers,
        f"counts {made} and {failed}": made + failed != record["requested_count"],
        f"shows {len(record['entities'])} of {made} entities": len(record["entities"]) != made,
        "has a letter and needs none, or needs one": (record["dead_letter"] is None)
        != (failed == 0),
    }
    usage = _usage_fault(record, calls)
    return [
        *(fault for fault, is_there in rules.items() if is_there),
        *([] if usage is None else [usage]),
    ]


async def _listed(api: httpx.AsyncClient) -> list[Json]:
    entries: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page: Json = (
            await api.get("/generation-requests", params={"limit": _PAGE, **cursor})
        ).json()
        entries += page["data"]
        if not page["has_more"]:
            return entries
        cursor = {"cursor": page["next_cursor"]}
