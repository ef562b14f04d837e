"""What the words of an error answer mean."""

from tests.contract.odd_answers.errors import (
    BAD,
    FORBIDDEN,
    LIMITED,
    UNPROCESSABLE,
    error,
)
from tests.support.odd_answers import GOOD, fails, made, refused
from worker_service.providers.failures import FailureKind

_ACCOUNT = (
    (BAD, error("Your credit balance is too low to access the API. Go to Plans & Billing.")),
    (BAD, error("Billing hard limit has been reached", code="billing_hard_limit_reached")),
    (BAD, {"detail": "Insufficient balance, please recharge"}),
    (FORBIDDEN, error("Key limit exceeded (monthly limit)", code=403)),
    (FORBIDDEN, {"code": "Arrearage", "message": "Access denied"}),
    (FORBIDDEN, error("Billing is disabled for this project")),
    ("402 Payment Required", {"message": "no money"}),
    (
        LIMITED,
        error("You exceeded your current quota, please check your plan and billing details."),
    ),
    (LIMITED, error("x", type="insufficient_quota")),
    ("401 Unauthorized", error("Your account has insufficient credits")),
    (BAD, error("You have reached your specified API usage limits.")),
    ("401 Unauthorized", error("ExceededBudget: User=x over budget", type="budget_exceeded")),
    (LIMITED, error("User: engineer-1, exceeded budget for model=tiny", code="429")),
    (LIMITED, error("No deployments available - crossed budget", code="429")),
    (FORBIDDEN, {"code": "no permission", "error": "Your new team doesn't have any credits yet."}),
    (LIMITED, {"error": "Your team has reached its monthly spending limit."}),
    (FORBIDDEN, {"message": "The free tier of the model has been exhausted."}),
    ("412 Failed", error("Account x is suspended, possibly due to failure to pay past invoices.")),
    (FORBIDDEN, {"error": "You have exceeded your monthly included credits."}),
    (BAD, {"detail": "Cloud credits expired"}),
    (LIMITED, error("您的账户已欠费", code="1113")),
)
_CREDENTIAL = (
    (
        BAD,
        [
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "details": [{"reason": "API_KEY_INVALID"}],
                }
            }
        ],
    ),
    (BAD, {"error": "API key expired. Please renew the API key."}),
    (BAD, error("Missing Authorization header")),
    (FORBIDDEN, error("Invalid API-key provided.")),
    (FORBIDDEN, "<html><title>Attention Required! | Cloudflare</title></html>"),
    ("401 Unauthorized", {"detail": "No auth credentials found"}),
    ("422 Unprocessable Entity", {"detail": "invalid access token"}),
    (BAD, error("This organization has been disabled.")),
    (BAD, [error("User location is not supported for the API use.")]),
    (BAD, error("Organization has been restricted. Please reach out to support.")),
    (BAD, error("This credential is only authorized for use with another client.")),
    (BAD, {"message": "The security token included in the request is expired"}),
    (FORBIDDEN, [error("Permission denied: Consumer 'api_key:x' has been suspended.")]),
    (FORBIDDEN, {"title": "Forbidden", "detail": "Authorization failed"}),
)
_MODEL = (
    (FORBIDDEN, error("Project does not have access to model", code="model_not_found")),
    (FORBIDDEN, {"detail": "You must accept the terms of this model first"}),
    (FORBIDDEN, error("Model tiny is gated for this account")),
    (BAD, {"detail": "The model `tiny` does not exist"}),
    (BAD, error("tiny is not a model", code="invalid_model")),
    (BAD, error("Your plan gives no access to this model")),
    (BAD, {"message": "The provided model identifier is invalid."}),
    (BAD, error("tinny is not a valid model ID", code=400)),
    (BAD, error("maker/tiny is not a valid model ID")),
    (FORBIDDEN, error("No access to model: tiny", code="no_access")),
)
_POLICY = (
    (BAD, error("x", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
    (BAD, {"code": "DataInspectionFailed", "message": "Input data may contain bad content"}),
    (BAD, error("Your request was rejected by our safety system")),
    (FORBIDDEN, error("It requires moderation", metadata={"reasons": ["violence"]})),
    (UNPROCESSABLE, {"detail": "the prompt was flagged"}),
    (BAD, error("Content Exists Risk", code="invalid_request_error")),
    ("451 Unavailable For Legal Reasons", error("blocked")),
    (FORBIDDEN, {"error": "Content violates usage guidelines. API key ID: k, Model: tiny"}),
    (BAD, error("The input text may contain sensitive information")),
    (BAD, error("The prompt was blocked due to: PROHIBITED_CONTENT")),
    (BAD, error("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301")),
)
_CONTEXT = (
    (BAD, {"object": "error", "message": "This model's maximum context length is 4096 tokens"}),
    (BAD, error("prompt is too long: 210000 tokens > 200000 maximum")),
    (BAD, error("Input tokens exceed the configured limit of 272000 tokens.")),
    (BAD, {"error": "the request exceeds the available context size"}),
    (BAD, [{"error": {"message": "The input token count (9) exceeds the maximum number (8)"}}]),
    (UNPROCESSABLE, {"error": "`inputs` must have less than 4095 tokens. Given: 5000"}),
    (UNPROCESSABLE, {"error": "`inputs` tokens + `max_new_tokens` exceed the model limit"}),
    (BAD, {"code": "InvalidParameter", "message": "Range of input length should be [1, 30720]"}),
    (BAD, error("Prompt exceeds max length", code="1261")),
    ("500 Internal", error("Context size has been exceeded.", type="server_error")),
    (
        "413 Payload Too Large",
        error("Request too large (TPM): Limit 6, Requested 12", code="rate_limit_exceeded"),
    ),
)
_LOAD = (
    ("498 Capacity Exceeded", error("flex tier capacity exceeded", type="capacity_exceeded")),
    (BAD, error("The server is currently overloaded, please try again later")),
    (BAD, error("x", type="overloaded_error")),
    (FORBIDDEN, {"detail": "the model is loading"}),
    (BAD, {"error": "Model unloaded."}),
    (BAD, {"error": "The model has crashed without additional information. (Exit code: 5)"}),
    (BAD, {"error": "No models loaded. Please load a model."}),
    ("424 Failed", {"error": "Server error: CUDA out of memory", "error_type": "generation"}),
    ("424 Failed", {"error": "Incomplete generation", "error_type": "incomplete_generation"}),
    (UNPROCESSABLE, {"message": "no capacity left, high demand"}),
    ("499 Client Closed Request", error("client closed", code=499)),
    ("529 Overloaded", {"type": "error", "error": {"type": "overloaded_error"}}),
    (UNPROCESSABLE, {"detail": "There are no workers available"}),
    (BAD, {"error": "The request queue is full"}),
    (FORBIDDEN, {"error": "No available server for this request"}),
)
_JSON_MODE = (
    (
        BAD,
        error("Failed to generate JSON. Please adjust your prompt.", code="json_validate_failed"),
    ),
    (BAD, error("the model broke off", failed_generation='{"content"')),
    (UNPROCESSABLE, {"detail": "Failed to produce valid JSON"}),
    (BAD, {"message": "the model returned malformed JSON"}),
    (BAD, error("Generated JSON does not match the expected schema.")),
    (BAD, error("Model failed to generate a valid JSON document")),
    (UNPROCESSABLE, error("Could not parse the model output as JSON")),
)
_RATE = (
    (BAD, error("x", code="rate_limit_exceeded")),
    (FORBIDDEN, {"message": "Rate limit exceeded for this endpoint"}),
    (LIMITED, {"object": "error", "message": "Rate limit exceeded", "code": "1300"}),
    (LIMITED, error("See https://console.example/settings/billing for higher limits")),
    ("503 Service Unavailable", [{"error": {"status": "RESOURCE_EXHAUSTED"}}]),
    (BAD, error("当前API请求过多", code="1305")),
)
WORDS = [
    fails(f"{kind.name} {number}", kind, refused(*answer))
    for kind, answers in {
        FailureKind.QUOTA_EXHAUSTED: _ACCOUNT,
        FailureKind.CREDENTIAL_REFUSED: _CREDENTIAL,
        FailureKind.MODEL_REFUSED: _MODEL,
        FailureKind.MODERATED: _POLICY,
        FailureKind.CONTEXT_TOO_LONG: _CONTEXT,
        FailureKind.UNAVAILABLE: _LOAD,
        FailureKind.GENERATION_FAILED: _JSON_MODE,
        FailureKind.RATE_LIMITED: _RATE,
    }.items()
    for number, answer in enumerate(answers)
]
WORDS += [
    made("JSON mode fails once", refused(*_JSON_MODE[0]), GOOD),
    made("overloaded once", refused(*_LOAD[1]), GOOD),
]
