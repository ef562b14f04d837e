"""The states of a generation request and the moves between them; no input or output.

            ┌── release ──┐
            ▼             │
    ● ─▶ pending ─claim─▶ processing ─┐
            │                         ├─ settle ─▶ completed | partial | failed | cancelled
            └─────────────────────────┘                │
            ▲──────────────── retry or replay ─────────┘

The same moves stand as CHECK constraints in the schema and as guards in each UPDATE.
"""

from enum import StrEnum
from typing import Literal, get_args


class Status(StrEnum):
    """Where a generation request stands; final from `completed` on. Expect values to be added."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


FinalStatus = Literal[Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED]
FINAL: frozenset[Status] = frozenset(get_args(FinalStatus))


class Priority(StrEnum):
    """How soon a generation request is served, compared with the others."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
