"""
The shape of the section `telemetry`: what is told to tracing and monitoring, and in which words.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pointsman.settings.secrets import FORMS

_Share = Annotated[float, Meta(ge=0, le=1)]


class Telemetry(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """OpenTelemetry and Prometheus. Nothing is sent anywhere unless an address is given."""

    otlp: Annotated[
        str | None, Meta(description="Where traces and metrics are sent (OTLP over HTTP), such as `http://collector:4318`. By default nowhere.")
    ] = None
    otlp_headers: Annotated[dict[str, str], Meta(description=f"Headers for the collector; each value is a reference: {FORMS}.")] = {}
    semconv: Annotated[
        Literal["1.41", "next", "both"], Meta(description="The GenAI conventions: the last before they moved, those that are coming, or both.")
    ] = "1.41"
    sample: Annotated[_Share, Meta(description="The share of calls whose spans are sent. Errors, escalations and what a caller sampled are always sent.")] = 0.1
    content: Annotated[bool, Meta(description="Whether prompts and answers go into spans. Only of data whose content the policy lets be kept in full.")] = False
    propagate: Annotated[Literal["private", "all", "none"], Meta(description="To whom `traceparent` is passed on: private targets, all targets, or none.")] = (
        "private"
    )
    metrics: Annotated[bool, Meta(description="Whether `/metrics` answers on the admin listener (Prometheus).")] = True
    service: Annotated[str, Meta(min_length=1, max_length=100, description="The name of this service in traces.")] = "pointsman"
