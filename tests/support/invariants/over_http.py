"""The invariants that a caller sees: what the API says of every promise, in reads and in lists."""

from collections.abc import Mapping
from typing import Any

import httpx

from schemas.states import FINAL

Json = dict[str, Any]
_PAGE = 100


async def violations(api: httpx.AsyncClient, promised: Mapping[str, str]) -> list[str]:
    """Return what the API tells wrongly of the requests whose paths were promised, by their ids."""
    listed = await _listed(api)
    found = [
        f"request {request_id} is listed {listed.count(request_id)} times"
        for request_id in promised
        if listed.count(request_id) != 1
    ]
    for request_id, path in promised.items():
        found += [f"request {request_id} {fault}" for fault in await _faults(api, path)]
    return found


async def _faults(api: httpx.AsyncClient, path: str) -> list[str]:
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
    return [fault for fault, is_there in rules.items() if is_there]


async def _listed(api: httpx.AsyncClient) -> list[str]:
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page: Json = (
            await api.get("/generation-requests", params={"limit": _PAGE, **cursor})
        ).json()
        ids += [entry["request_id"] for entry in page["data"]]
        if not page["has_more"]:
            return ids
        cursor = {"cursor": page["next_cursor"]}
