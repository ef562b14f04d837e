"""Words for the road: submit, poll until settled."""

from typing import Any

import httpx

from tests.support.waiting import eventually

Json = dict[str, Any]


async def submit(api: httpx.AsyncClient, *, count: int = 1, **body: Any) -> str:
    """Submit a valid request and return the path under which it is polled."""
    answer = await api.post(
        "/generation-requests", json={"entity_type": "sentence", "count": count, **body}
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


async def read(api: httpx.AsyncClient, path: str) -> Json:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    record: Json = answer.json()
    return record


async def settled(api: httpx.AsyncClient, path: str, *, within: float = 20.0) -> Json:
    """Poll until the status is final and return the record."""

    async def final() -> Json | None:
        record = await read(api, path)
        return record if record["completed_at"] else None

    record: Json = await eventually(final, within=within, what=f"{path} settles")
    return record
