"""What a request that fails says of the settings, and what to do about it."""

from typing import Any

_REMEDIES = {
    "auth": "the provider refuses the key: correct it in .env",
    "quota_exhausted": "the credit of the key is used up: add credit, or put another key into .env",
    "misconfigured": "the address or the model is wrong: correct it in .env",
    "unsupported": "the provider does not serve this model: correct its name in .env",
    "unknown_provider": "no worker serves this provider: correct PROVIDER in .env",
}
"""What to do about each code that no repetition mends."""


def explain(record: dict[str, Any]) -> str:
    """Return what keeps a request from being completed and what to do, or nothing."""
    if record["status"] == "completed":
        return ""
    if (failure := find_failure(record)) is None:
        return f"The request is {record['status']}, and no failure is recorded: see the logs."
    remedy = _REMEDIES.get(failure["code"], "see docs/providers.md, and the log of the worker")
    return f"{failure['code']}: {failure['message']}\nWhat to do: {remedy}, and run it again."


def find_failure(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return the failure of the last item that failed, else of the last call."""
    failures: list[dict[str, Any] | None] = [record["last_failure"], *record["failures"]]
    return failures[-1]


def is_misconfigured(record: dict[str, Any]) -> bool:
    """Tell whether what failed will fail until the settings are others."""
    failure = find_failure(record)
    return failure is not None and failure["code"] in _REMEDIES
