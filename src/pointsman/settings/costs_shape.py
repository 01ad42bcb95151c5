"""
The shape of the sections `costs` and `alerts`: money beside the prices of tokens, and who is told when it runs out.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pointsman.settings.secrets import FORMS

_Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Usd = Annotated[float, Meta(ge=0, le=1_000_000_000)]
_Url = Annotated[str, Meta(max_length=2000)]
_Share = Annotated[float, Meta(gt=0, le=100)]


class Licence(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Something paid by the month whatever is done with it."""

    usd_per_month: Annotated[_Usd, Meta(description="US dollars per calendar month.")]
    workflow: Annotated[str | None, Meta(description="The workflow that bears it; without one it is not allocated.")] = None


class Costs(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Money beside the prices of tokens, and how it is allocated."""

    human_usd_per_hour: Annotated[_Usd, Meta(description="What an hour of people's work costs, where a workflow does not say.")] = 0.0
    baseline: Annotated[str | None, Meta(description="The target that savings are measured against: what everything would have cost there.")] = None
    tags: Annotated[
        list[_Name],
        Meta(max_length=8, description="The tags that costs are allocated by, such as `project`. A call says them in `x-pointsman-tags`; others are refused."),
    ] = []
    licences: Annotated[dict[_Name, Licence], Meta(description="What is paid by the month.")] = {}


class Webhook(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A URL that is sent what happened, as JSON. `slack` sends what Slack and its like understand."""

    url: Annotated[_Url, Meta(description=f"The URL, or a reference to it where it is a secret: {FORMS}.")]
    form: Annotated[Literal["json", "slack"], Meta(description="What is sent.")] = "json"
    secret: Annotated[str | None, Meta(description="A reference to the key that signs what is sent (HMAC-SHA-256 in `x-pointsman-signature`).")] = None


class Email(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A mail server and whom to write to."""

    host: Annotated[str, Meta(min_length=1, max_length=255, description="The SMTP server.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="Its port.")] = 587
    security: Annotated[Literal["starttls", "tls", "none"], Meta(description="How the connection is secured.")] = "starttls"
    user: Annotated[str | None, Meta(description="The user to sign in as.")] = None
    password: Annotated[str | None, Meta(description=f"A reference to the password: {FORMS}.")] = None
    sender: Annotated[str, Meta(max_length=255, description="The sender's address.")]
    to: Annotated[list[str], Meta(min_length=1, max_length=50, description="The addresses to write to.")]


class Alerts(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who is told when a budget or an objective is about to be used up, when money flows unusually, and when an incident opens."""

    webhooks: Annotated[dict[_Name, Webhook], Meta(description="URLs.")] = {}
    email: Annotated[Email | None, Meta(description="E-mail.")] = None
    budget_shares: Annotated[
        list[_Share],
        Meta(
            description="The shares of a budget at which to speak once they are spent; by default 0.5, 0.8 and 1. A forecast speaks at those from 1 on, or at"
            " the highest where there is none."
        ),
    ] = []
    anomalies: Annotated[bool, Meta(description="Whether to speak when a day's cost is far from what its weekday was before.")] = True
    incidents: Annotated[bool, Meta(description="Whether a burn alert of an objective opens an incident.")] = True
