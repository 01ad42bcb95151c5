"""
The shape of `policy:` in `pointsman.yaml`. The descriptions here are part of the configuration reference.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

_Level = Literal["public", "internal", "confidential", "restricted"]  # mildest first
_Action = Literal["infer", "summarise", "embed", "judge", "shadow", "cache", "log_content", "person", "tool"]
_Obligation = Literal["redact", "pseudonymise", "summarise", "person"]
_Zone = Literal["public_api", "contracted", "private", "edge", "cache", "content_log", "person"]
_Days = Annotated[int, Meta(ge=1, le=36_500)]
_Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]


class PolicyRule(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One rule. It applies where everything fits that it names; what it does not name, it does not ask for. A rule that forbids beats all that permit."""

    id: Annotated[_Name, Meta(description="Its name, which explanations tell.")]
    effect: Annotated[Literal["permit", "forbid"], Meta(description="`permit` or `forbid`.")]
    classes: Annotated[list[_Name], Meta(description="The classes of data it is about; by default all.")] = []
    actions: Annotated[
        list[_Action],
        Meta(
            description="What is done with the data: `infer`, `embed`, `judge`, `shadow` and `tool` at targets, `summarise` (a checked summary leaves),"
            " `cache`, `log_content`, `person`. By default all."
        ),
    ] = []
    principals: Annotated[
        dict[str, list[str]], Meta(description="Who asks: `key`, `tenant`, `team`, `application` or `groups`, each with the accepted values.")
    ] = {}
    targets: Annotated[
        dict[str, list[str]],
        Meta(
            description="Where to: `zone`, `region`, `vendor`, `name`, `model`, `place`, `agreements` or `certifications`, each with the accepted values."
            " A value that nobody knows fits no rule that permits and every rule that forbids."
        ),
    ] = {}
    when: Annotated[
        str | None,
        Meta(description="A condition in CEL over `principal`, `capability`, `purpose` and `target`, such as `target.retention_days <= 30`."),
    ] = None
    obligations: Annotated[
        list[_Obligation], Meta(description="What must be done first where it permits: `redact`, `pseudonymise`, `summarise`, `person`.")
    ] = []
    sharing: Annotated[Literal["user", "application", "tenant"] | None, Meta(description="With whom an answer may be shared, where it permits `cache`.")] = None
    keeping: Annotated[Literal["hash", "filtered", "full"] | None, Meta(description="How much may be kept, where it permits `log_content`.")] = None
    keep_days: Annotated[_Days | None, Meta(description="For how many days content may be kept at most, where it permits `log_content`.")] = None


class Claim(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A claim that is proven when the file is loaded: there is no way for these classes to these zones."""

    id: Annotated[_Name, Meta(description="Its name.")]
    never: Annotated[list[_Name], Meta(min_length=1, description="Classes of data.")]
    into: Annotated[list[_Zone], Meta(min_length=1, description="Zones: `public_api`, `contracted`, `private`, `edge`, `cache`, `content_log`, `person`.")]
    even_summarised: Annotated[bool, Meta(description="Not even as a summary that was made privately and checked.")] = False


class Policy(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where data of each class may go. Without this section the template alone is in force."""

    template: Annotated[
        Literal["default", "none"], Meta(description="`default` begins with the rules that ship; `none` with nothing, which permits nothing.")
    ] = "default"
    classes: Annotated[dict[_Name, _Level], Meta(description="Classes of your own, each with its level; one that ships can be made stricter.")] = {}
    derived: Annotated[dict[_Name, list[_Name]], Meta(description="Classes that follow where others meet, such as `phi: [personal, health]`.")] = {}
    rules: Annotated[list[PolicyRule], Meta(description="Further rules.")] = []
    claims: Annotated[list[Claim], Meta(description="Further claims, proven when the file is loaded.")] = []
    waive: Annotated[list[_Name], Meta(description="Claims that you give up, by name. `pointsman policy check` shows them.")] = []
