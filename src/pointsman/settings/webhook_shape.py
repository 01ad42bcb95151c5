"""
The shape of the section `webhooks`: what other systems tell of units by themselves, and where in their messages it stands.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pointsman.settings.secrets import FORMS

_Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Path = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
_Tenant = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Seconds = Annotated[float, Meta(gt=0, le=86_400)]

# Only these are read of a request, whatever else a sender adds.
_SIGNATURES = Literal[
    "x-pointsman-signature", "x-hub-signature-256", "x-signature", "x-webhook-signature", "x-zendesk-webhook-signature", "x-shopify-hmac-sha256"
]
_TIMES = Literal["x-pointsman-timestamp", "x-signature-timestamp", "x-webhook-timestamp", "x-zendesk-webhook-signature-timestamp"]


class Meaning(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a word of another system means here."""

    kind: Annotated[_Name | None, Meta(description="The kind of outcome; by default the word itself.")] = None
    success: Annotated[bool, Meta(description="Whether it is a success.")] = True
    reversed: Annotated[bool, Meta(description="Whether it takes a success back, as a refund does.")] = False


class Incoming(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A sender of outcomes, at `POST /v1/webhooks/NAME`. A path is dotted, such as `ticket.id`; a number is a place in a list."""

    secret: Annotated[str, Meta(description=f"A reference to the key that signs what is sent (HMAC-SHA-256): {FORMS}.")]
    signature: Annotated[_SIGNATURES, Meta(description="The header with the signature, in hex or base64, with or without `sha256=` before it.")] = (
        "x-pointsman-signature"
    )
    timestamp: Annotated[_TIMES | None, Meta(description="The header with the time that is signed before the body, if the sender does that.")] = None
    tolerance_s: Annotated[_Seconds, Meta(description="Seconds that this time may be away from now.")] = 300.0
    tenant: Annotated[_Tenant, Meta(description="Whose units it speaks of.")] = "default"
    workflow: Annotated[str | None, Meta(description="The workflow that it speaks of; by default every one with a unit of this name.")] = None
    unit: Annotated[_Path, Meta(description="Where the name of the unit is.")]
    event: Annotated[_Path, Meta(description="Where the word is that says what happened.")]
    events: Annotated[dict[str, Meaning], Meta(min_length=1, max_length=200, description="What each word means. Others are not recorded.")]
    id: Annotated[_Path | None, Meta(description="Where the id of the message is: told twice it counts once. By default the same message counts once.")] = None
    value_usd: Annotated[_Path | None, Meta(description="Where the value in US dollars is.")] = None
    at: Annotated[_Path | None, Meta(description="Where the time is: ISO 8601, or Unix seconds or milliseconds. By default when it arrives.")] = None
