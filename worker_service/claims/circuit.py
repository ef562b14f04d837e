"""Stop calling a provider that cannot serve; pure bookkeeping, the time is passed in.

A circuit is what one key opens: a provider, its credential and a model. It opens after so many
failed attempts in a row, or at once when the credential, the address or the model is refused.
While it is open no attempt begins, and those under way repeat no call. When its time is over it
lets one probe through: an answer closes it, a failure opens it for twice as long. An attempt that
was admitted before the circuit last opened or closed says nothing any more.

        ┌──────────── failures in a row, or a refusal ───────────────┐
        │                                                            ▼
     closed ◀── an answer ── half-open ◀── its time is over ──── open
                                 └──────── a failure ──────────────▶
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf

from shared.errors import ErrorCode
from shared.runtime.logging import get_log

log = get_log()


class State(Enum):
    """What a circuit lets through: everything, one probe, nothing."""

    CLOSED = auto()
    HALF_OPEN = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens and for how long; times in seconds."""

    failures: int = 5
    first_seconds: float = 5.0
    longest_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The circuit is open: why, and when to ask again."""

    code: ErrorCode
    retry_after: float


@dataclass(frozen=True, slots=True)
class Admission:
    """The leave to attempt, given by the circuit in its `era`: the time since it last changed."""

    era: int


@dataclass(slots=True, kw_only=True)
class Circuit:
    """The state of one circuit."""

    provider: str
    model: str | None
    policy: BreakerPolicy
    _failures: int = 0
    _openings: int = 0
    _open_until: float = 0.0
    _code: ErrorCode = ErrorCode.PROVIDER_UNAVAILABLE
    _era: int = 0
    _is_probed: bool = False
    _probe_due: float = 0.0
    closed_at: float = -inf

    def state(self, now: float) -> State:
        """Decide what the circuit lets through at a time."""
        if not self._openings:
            return State.CLOSED
        return State.OPEN if now < self._open_until else State.HALF_OPEN

    def wants_probe(self, now: float) -> bool:
        is_wanted = self.state(now) is State.HALF_OPEN and not self._is_probed
        return is_wanted and now >= self._probe_due

    def probe_claimed(self, now: float) -> None:
        """Note that a probe is on its way; if it never arrives another one is wanted later."""
        self._probe_due = now + self.policy.first_seconds

    def admit(self, now: float) -> Admission | Refusal:
        """Let an attempt through, or say why not; one that is let through must be ended."""
        match self.state(now):
            case State.CLOSED:
                return Admission(self._era)
            case State.HALF_OPEN if not self._is_probed:
                self._is_probed = True
                return Admission(self._era)
            case _:
                wait = max(self._open_until - now, self.policy.first_seconds)
                return Refusal(self._code, wait)

    def is_current(self, admission: Admission) -> bool:
        """Whether the circuit is as it was when it let the call through."""
        return admission.era == self._era

    def answered(self, admission: Admission, *, now: float) -> None:
        """End an attempt: the provider answered, whatever it said."""
        if not self.is_current(admission):
            return
        if self._openings:
            log.info("breaker_closed", provider=self.provider, model=self.model)
            self.closed_at = now
            self._begin_era()
        self._failures = self._openings = 0

    def abandoned(self, admission: Admission) -> None:
        """End an attempt that was cancelled: it says nothing about the provider."""
        if self.is_current(admission):
            self._is_probed = False

    def failed(self, admission: Admission, code: ErrorCode, *, now: float) -> None:
        """End an attempt: the provider cannot serve."""
        if not self.is_current(admission):
            return
        self._failures += 1
        if self._failures >= self.policy.failures or self._openings:
            self._open(code, now)

    def refused(self, admission: Admission, code: ErrorCode, *, now: float) -> None:
        """End an attempt: the provider refuses what every attempt brings along."""
        if self.is_current(admission):
            self._open(code, now)

    def _open(self, code: ErrorCode, now: float) -> None:
        self._code = code
        if not self._openings:
            log.warning("breaker_opened", provider=self.provider, model=self.model, code=code)
        seconds = self.policy.first_seconds * 2**self._openings
        self._open_until = now + min(seconds, self.policy.longest_seconds)
        self._openings += 1
        self._begin_era()

    def _begin_era(self) -> None:
        self._era += 1
        self._is_probed = False
        self._probe_due = 0.0


@dataclass(slots=True)
class Breakers:
    """The circuits of one process."""

    policy: BreakerPolicy
    _circuits: dict[tuple[str, str, str | None], Circuit] = field(default_factory=dict)

    def circuit(self, provider: str, *, credential: str, model: str | None) -> Circuit:
        key = (provider, credential, model)
        if key not in self._circuits:
            self._circuits[key] = Circuit(provider=provider, model=model, policy=self.policy)
        return self._circuits[key]

    def blocked(self, now: float) -> list[Circuit]:
        """List the circuits whose requests are not to be claimed."""
        return [c for c in self._circuits.values() if c.state(now) is not State.CLOSED]

    def by_state(self, now: float) -> Counter[tuple[str, State]]:
        """Count the circuits of each provider by their state."""
        return Counter((c.provider, c.state(now)) for c in self._circuits.values())

    def closed_since(self, then: float) -> bool:
        """Whether any circuit has closed since a time."""
        return any(circuit.closed_at >= then for circuit in self._circuits.values())

    def due_for_probe(self, now: float) -> list[Circuit]:
        """List the circuits whose provider one request should try."""
        return [c for c in self._circuits.values() if c.wants_probe(now)]
