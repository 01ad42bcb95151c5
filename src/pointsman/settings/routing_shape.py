"""
The shape of `routing` in a capability, and of the section `learning`: how a target is chosen by what it is expected to be worth.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

_Usd = Annotated[float, Meta(ge=0, le=1_000_000)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Seconds = Annotated[float, Meta(gt=0, le=86_400)]
_Small = Annotated[float, Meta(gt=0, lt=0.5)]
_Risk = Literal["low", "normal", "high", "critical"]
_Level = Literal["public", "internal", "confidential", "restricted"]
_Criterion = Literal["risk", "value_usd", "error_usd", "delay_usd_per_s", "quality_floor", "confidence", "within_s", "cost_usd", "volume"]


class Criteria(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What an answer is worth and must keep to. Without a worth, the cheapest place is taken that is not worse than the incumbent."""

    task: Annotated[
        str, Meta(max_length=60, description="The type of task, such as `classify`: capabilities of one task are a first guess for each other.")
    ] = ""
    risk: Annotated[_Risk, Meta(description="How bad an unnoticed error is: multiplies `error_usd` by ½, 1, 4 or 16, and narrows `not_worse_by` likewise.")] = (
        "normal"
    )
    value_usd: Annotated[_Usd, Meta(description="What a good answer is worth.")] = 0.0
    error_usd: Annotated[_Usd, Meta(description="What a wrong answer costs that nobody notices.")] = 0.0
    delay_usd_per_s: Annotated[_Usd, Meta(description="What a second of waiting costs.")] = 0.0
    quality_floor: Annotated[_Share, Meta(description="The least probability of a good answer that a target must promise.")] = 0.0
    confidence: Annotated[_Share, Meta(description="How sure that must be.")] = 0.5
    within_s: Annotated[_Seconds | None, Meta(description="The longest time that an answer may be expected to take.")] = None
    cost_usd: Annotated[_Usd | None, Meta(description="The most that an answer may be expected to cost.")] = None
    volume: Annotated[
        Literal["interactive", "bulk"],
        Meta(description="`bulk` work waits gladly: delay costs nothing, and own hardware that is paid anyway costs nothing either."),
    ] = "interactive"


class Trial(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Calls that are spent on learning."""

    share: Annotated[_Share, Meta(description="The largest share of calls.")] = 0.02
    usd_per_day: Annotated[_Usd | None, Meta(description="The most that they may cost a day.")] = None
    data_class: Annotated[_Level, Meta(description="The strictest level of data that is used for it.")] = "internal"


class Routing(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How a target is chosen."""

    by: Annotated[Literal["order", "value"], Meta(description="`order`: as the ladder stands. `value`: what is expected to be worth most goes first.")] = (
        "value"
    )
    incumbent: Annotated[
        str | None, Meta(description="The target that answers while nothing better is proven, a name from the ladder; by default its first.")
    ] = None
    criteria: Annotated[Criteria, Meta(description="What an answer is worth and must keep to.")] = Criteria()
    requests_may_set: Annotated[
        dict[_Criterion, list[float | str]],
        Meta(description="Criteria that a request may set by the header `x-pointsman-criteria`, each with the least and the most."),
    ] = {}
    not_worse_by: Annotated[_Small, Meta(description="ε: by how much another target may be worse than the incumbent.")] = 0.02
    sure: Annotated[_Share, Meta(description="1 - δ: how sure that must be.")] = 0.9
    check: Annotated[
        list[str] | None,
        Meta(description="Targets whose answers are seen whole and judged before they are given; a doubtful one goes to the next rung. By default none."),
    ] = None
    second: Annotated[str | None, Meta(description="A cheap target that is asked as well when an answer is checked: agreement is evidence.")] = None
    samples: Annotated[
        int, Meta(ge=0, le=4, description="How many more answers a checked target is asked for when its answer is checked: that it says the same is evidence.")
    ] = 0
    agree_on: Annotated[
        list[str],
        Meta(description="Fields of JSON answers, such as `queue` or `items[].sku`, that answers must have in common to agree. By default all."),
    ] = []
    judge: Annotated[
        str | None,
        Meta(description="A target that grades answers: those that are checked, and those of shadow calls that no comparison of texts can tell apart."),
    ] = None
    logprobs: Annotated[
        list[str],
        Meta(
            description="Checked targets that are asked for the log-probabilities of their answers: how sure a model was is evidence. "
            "Name none whose model refuses such a request; vendors that have no word for it are not asked."
        ),
    ] = []
    explore: Annotated[Trial | None, Meta(description="Try what is not well known yet, now and then. By default never.")] = None
    shadow: Annotated[Trial | None, Meta(description="Ask the others too, now and then, and compare; nobody waits for it. By default never.")] = None
    guarantee: Annotated[bool, Meta(description="Leave the incumbent only under a certificate that the loss stays below `not_worse_by`.")] = False


Embedding = Literal["auto", "hashed", "semantic"]


class Learning(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where learned parameters are kept, and how often they are updated."""

    parameters: Annotated[
        str, Meta(max_length=200, description="The file beside this one that names the parameters in force; it is a part of each snapshot.")
    ] = "learned.json"
    folder: Annotated[str, Meta(max_length=200, description="The folder beside this file that keeps all parameters ever in force, by their digests.")] = (
        "learned"
    )
    every: Annotated[str, Meta(pattern=r"^[0-9]{1,6}[mhd]$", description="How often the gateway learns from what was told since.")] = "1h"
    keep_features: Annotated[
        bool,
        Meta(
            description="Keep numbers made from prompts beside the decision, where the policy lets content be kept at all: without them only sums are learned."
        ),
    ] = True
    embedding: Annotated[
        Embedding,
        Meta(
            description="By what prompts are looked at: by their words (`hashed`), or by what these mean (`semantic`, needs the extra). `auto` goes on with "
            "what was learned with, and begins with `semantic` where the extra is installed."
        ),
    ] = "auto"
