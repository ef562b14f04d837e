"""The public codes: of items and requests that failed, and of HTTP problems. None is renamed."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why an item, and with it perhaps its request, did not succeed."""

    RATE_LIMITED = "rate_limited"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    TIMEOUT = "timeout"
    INVALID_OUTPUT = "invalid_output"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    AUTH = "auth"
    QUOTA_EXHAUSTED = "quota_exhausted"
    MISCONFIGURED = "misconfigured"
    CONTEXT_TOO_LONG = "context_too_long"
    BAD_REQUEST = "bad_request"
    UNSUPPORTED = "unsupported"
    UNKNOWN_ENTITY_TYPE = "unknown_entity_type"
    UNKNOWN_PROVIDER = "unknown_provider"
    CRASH_LOOP = "crash_loop"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UNEXPECTED = "unexpected"


class ProblemCode(StrEnum):
    """What is wrong with an HTTP request, or with the service."""

    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_BODY = "invalid_body"
    INVALID_REQUEST = "invalid_request"
    INVALID_CURSOR = "invalid_cursor"
    HEAD_TOO_LARGE = "head_too_large"
    UNEXPECTED = "unexpected"
    NOT_IMPLEMENTED = "not_implemented"
    DATABASE_UNAVAILABLE = "database_unavailable"
    DRAINING = "draining"
