"""Traces of requests, where a collector is named; OpenTelemetry is not imported from here.

What makes spans is handed a `Tracer`, or None where there are no traces. Contexts travel as
`traceparent`, which the tracking record and the headers of every message have anyway. A span holds
identifiers, counts and codes: no constraints, prompts, entities, messages of errors or secrets.

    submit ── publish                   the spans of one request, in one trace
           ├─ claim ── attempt ── chat
           │        └─ record
           ├─ settle
           └─ publish                   the event, and the dead letter
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Attributes: TypeAlias = Mapping[str, str | int | float | Sequence[str] | None]
"""Attributes by their names; those that are None are left out."""

Kind: TypeAlias = Literal["internal", "server", "client"]


class Span(Protocol):
    """A span that has begun; to end it twice changes nothing."""

    @property
    def traceparent(self) -> str:
        """The context that its children and other processes go on from."""

    def add(self, attributes: Attributes) -> None: ...

    def end(self, *, name: str | None = None, error: str | None = None) -> None:
        """End it; `error` is a code, and `name` replaces the one that it began with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one step has done for one request: a span in the trace of `traceparent`."""

    name: str
    traceparent: str
    attributes: Attributes
    error: str | None = None


class Tracer(Protocol):
    """Makes spans, and never fails or waits."""

    def start(
        self, name: str, *, parent: str | None, attributes: Attributes, kind: Kind = "internal"
    ) -> Span:
        """Begin a span under the context `parent`, or a trace where there is none."""

    def note(
        self, step: str, shares: Sequence[Share], *, begun_ns: int, kind: Kind = "internal"
    ) -> list[str]:
        """Make the spans of a step that has just ended, and return their contexts in their order.

        It began at `begun_ns` (`time.time_ns`). Where several requests share it, there is a span of
        the whole batch too, in a trace of its own, which links to each of them, and each to it.
        """
