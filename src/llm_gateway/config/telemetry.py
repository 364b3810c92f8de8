"""The settings of what the gateway tells others about itself: its turns, to a collector of OpenTelemetry."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["OtlpSettings", "TelemetrySettings"]


class OtlpSettings(msgspec.Struct, frozen=True):
    """Where turns are exported to, by OpenTelemetry's protocol; see telemetry-out.md."""

    endpoint: Annotated[
        str,
        Meta(
            description="URL of the collector, such as http://127.0.0.1:4318; empty: what "
            "OTEL_EXPORTER_OTLP_ENDPOINT says, else nothing is exported."
        ),
    ] = ""
    protocol: Annotated[Literal["http/protobuf"], Meta(description="What is spoken.")] = "http/protobuf"
    headers_file: Annotated[
        str,
        Meta(description="File of header lines (`name: value`) to send with each export, mode 0600."),
    ] = ""
    traces: Annotated[bool, Meta(description="Whether a trace of each turn is exported.")] = True
    metrics: Annotated[bool, Meta(description="Whether metrics are exported, once a minute.")] = True


class TelemetrySettings(msgspec.Struct, frozen=True):
    """What the gateway tells others about itself."""

    otlp: OtlpSettings = OtlpSettings()
