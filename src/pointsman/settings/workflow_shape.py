"""
The shape of the section `workflows`: business processes, what an outcome of each is worth, and what is promised about them. Meaning belongs to `workflows`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

_Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Usd = Annotated[float, Meta(ge=0, le=1_000_000_000)]
_Short = Annotated[str, Meta(min_length=1, max_length=200)]
_Ms = Annotated[float, Meta(gt=0, le=86_400_000)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Span = Annotated[str, Meta(pattern=r"^[0-9]{1,6}[mhdw]$")]


class Objective(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is promised: that at least `share` of what is counted is good, over a rolling `window`."""

    kind: Annotated[
        Literal["success", "latency", "quality", "cost_per_outcome", "escalation"],
        Meta(
            description="What is counted: calls that were answered; calls answered within `threshold_ms`; scores of at least `threshold`; the cost of a useful"
            " outcome, at most `threshold_usd`; calls that needed no stronger target and no person."
        ),
    ]
    share: Annotated[_Share, Meta(description="The share that must be good; the rest is the error budget.")] = 0.99
    threshold_ms: Annotated[_Ms | None, Meta(description="Milliseconds, for `latency`.")] = None
    threshold: Annotated[_Share | None, Meta(description="The least score, for `quality`.")] = None
    threshold_usd: Annotated[_Usd | None, Meta(description="US dollars, for `cost_per_outcome`.")] = None
    window: Annotated[_Span, Meta(description="The time over which the promise holds.")] = "30d"


class Workflow(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One business process: capabilities that work on the same kind of item, and what an outcome of it is worth."""

    capabilities: Annotated[list[str], Meta(min_length=1, description="Its capabilities. A capability belongs to one workflow; without any it is its own.")]
    owner: Annotated[_Short | None, Meta(description="Who answers for it.")] = None
    unit: Annotated[str, Meta(min_length=1, max_length=60, description="The business item, such as `ticket`.")] = "request"
    useful: Annotated[
        list[_Name] | None,
        Meta(description="The kinds of outcome that are useful, such as `resolved`. By default every outcome that was told with `success`."),
    ] = None
    window: Annotated[_Span, Meta(description="How long after its first call what is told about an item still counts; only then it is mature.")] = "7d"
    complete_within: Annotated[_Span | None, Meta(description="The time in which an item should reach an outcome; by default the window.")] = None
    value_usd: Annotated[_Usd | None, Meta(description="What a useful outcome is worth where the outcome does not say.")] = None
    human_usd_per_hour: Annotated[_Usd | None, Meta(description="What an hour of people's work costs; by default `costs.human_usd_per_hour`.")] = None
    baseline: Annotated[str | None, Meta(description="The target that savings are measured against; by default `costs.baseline`.")] = None
    objectives: Annotated[dict[_Name, Objective], Meta(description="What is promised, by name.")] = {}
