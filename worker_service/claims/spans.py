"""The spans of claims: what a worker does for a request goes on from that of its claim."""

from collections.abc import Sequence
from dataclasses import replace

from shared.tracing import Share, Tracer
from shared.tracing.conventions import CRASHES, ENTITY_TYPE, EPOCH, MISSING, REQUEST_ID, ROUND
from worker_service.claims.claim import Claim


def traced(tracer: Tracer, claims: Sequence[Claim], *, begun_ns: int) -> list[Claim]:
    """Make the spans of claims that one statement has just taken, and have the claims name them."""
    shares = [_share(claim) for claim in claims]
    noted = tracer.note("claim", shares, begun_ns=begun_ns)
    return [
        replace(claim, traceparent=traceparent)
        for claim, traceparent in zip(claims, noted, strict=True)
    ]


def _share(claim: Claim) -> Share:
    return Share(
        name="claim",
        traceparent=claim.traceparent,
        attributes={
            REQUEST_ID: str(claim.request_id),
            ENTITY_TYPE: claim.entity_type,
            EPOCH: claim.epoch,
            ROUND: claim.round,
            MISSING: claim.requested_count - len(claim.recorded),
            CRASHES: claim.crashes,
        },
    )
