"""Where traces go: the standard variables of OpenTelemetry that are ours to read.

Its SDK reads the others by itself: samplers, sizes of batches, names of the service.
"""

from typing import Final

from pydantic import BaseModel, Field, SecretStr

_PATH: Final = "v1/traces"
_SPOKEN: Final = "http/protobuf"


class TracingSettings(BaseModel):
    """The variables that platforms set for every program; a wrong one never stops a service."""

    otel_exporter_otlp_endpoint: str = Field(
        "", description="Address of a collector that takes OTLP over HTTP; empty: no traces."
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        "", description="In its place for traces, with the whole path, such as /v1/traces."
    )
    otel_exporter_otlp_headers: SecretStr = Field(
        SecretStr(""), description="Headers for the collector, as name=value, separated by commas."
    )
    otel_exporter_otlp_traces_headers: SecretStr = Field(
        SecretStr(""), description="In their place for traces."
    )
    otel_exporter_otlp_protocol: str = Field(
        _SPOKEN, description="The protocol of the collector: http/protobuf, or there are no traces."
    )
    otel_exporter_otlp_traces_protocol: str = Field(
        "", description="In its place for traces; empty: the same."
    )
    otel_traces_exporter: str = Field(
        "otlp", description="otlp, or none: no traces, whatever else is set."
    )
    otel_sdk_disabled: str = Field("false", description="true: no traces, whatever else is set.")

    @property
    def traces_endpoint(self) -> str | None:
        """Where spans are sent; None: there are no traces."""
        is_off = self.otel_sdk_disabled.strip().lower() == "true"
        if is_off or self.otel_traces_exporter.strip().lower() == "none":
            return None
        if self.otel_exporter_otlp_traces_endpoint:
            return self.otel_exporter_otlp_traces_endpoint
        if base := self.otel_exporter_otlp_endpoint:
            return f"{base.removesuffix('/')}/{_PATH}"
        return None

    @property
    def traces_obstacle(self) -> str | None:
        """Why spans cannot be sent there, if they cannot."""
        if self.otel_traces_exporter.strip().lower() != "otlp":
            return f"OTEL_TRACES_EXPORTER is {self.otel_traces_exporter!r}: only otlp is known"
        if not (self.traces_endpoint or "").lower().startswith(("http://", "https://")):
            return "the address of the collector does not begin with http:// or https://"
        protocol = self.otel_exporter_otlp_traces_protocol or self.otel_exporter_otlp_protocol
        if protocol.strip().lower() != _SPOKEN:
            return f"the protocol of the collector is {protocol!r}: only {_SPOKEN} is spoken"
        return None

    @property
    def traces_headers(self) -> str:
        """The headers for the collector; they may hold a key."""
        chosen = self.otel_exporter_otlp_traces_headers or self.otel_exporter_otlp_headers
        return chosen.get_secret_value()
