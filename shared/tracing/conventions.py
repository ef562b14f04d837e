"""The names in our spans: one version of OpenTelemetry's semantic conventions, and our own.

1.41.0 is the last version with HTTP, messaging and generative AI in one. The names are written out:
the constants for Python change with every version of their package.
https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs
"""

from typing import Final

VERSION: Final = "1.41.0"
SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{VERSION}"

ERROR_TYPE: Final = "error.type"

SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"

HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
HTTP_ROUTE: Final = "http.route"
URL_PATH: Final = "url.path"
URL_SCHEME: Final = "url.scheme"

MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_BATCH_MESSAGE_COUNT: Final = "messaging.batch.message_count"

GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

BATCH_SIZE: Final = "generation.batch.size"
CALL_ID: Final = "generation.call.id"
CALLS: Final = "generation.calls"
CRASHES: Final = "generation.crashes"
DEAD_LETTER: Final = "generation.dead_letter.reason"
ENTITY_TYPE: Final = "generation.entity_type"
EPOCH: Final = "generation.epoch"
HTTP_REQUEST_ID: Final = "generation.http_request_id"
MISSING: Final = "generation.missing"
ORDINAL: Final = "generation.ordinal"
OUTCOME: Final = "generation.outcome"
PROBLEM_CODE: Final = "generation.problem.code"
PROVIDER_REQUEST_ID: Final = "generation.provider_request_id"
REQUEST_ID: Final = "generation.request.id"
ROUND: Final = "generation.round"
STATUS: Final = "generation.status"
