"""
A policy as written: rules about classes of data, actions, principals and targets. `governance/policy` gives it its meaning.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from pointsman.core.label import Level
from pointsman.core.verdict import Keeping, Obligation, Sharing


class Action(StrEnum):
    """What is done with data. Each needs a permission of its own."""

    INFER = "infer"  # a target answers with it
    SUMMARISE = "summarise"  # a summary of it, made privately and checked for leaks, goes to a target
    EMBED = "embed"
    JUDGE = "judge"  # a target grades answers to it
    SHADOW = "shadow"  # a target answers beside the one that counts
    CACHE = "cache"
    LOG_CONTENT = "log_content"
    PERSON = "person"  # a person reads it
    TOOL = "tool"


class Rule(Struct, frozen=True, kw_only=True):
    """
    One rule. `classes` and `actions` it speaks about; empty means all.

    `principals` and `targets`: attribute → accepted values, all of which must fit. `when` is CEL over `principal`, `capability`, `purpose` and
    `target`. `obligations` belong to what it permits; `sharing` to a permitted `cache`; `keeping` and `keep_at_most_s` to a permitted `log_content`.
    """

    rule_id: str
    permits: bool
    classes: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    principals: Mapping[str, frozenset[str]] = {}
    targets: Mapping[str, frozenset[str]] = {}
    when: str | None = None
    obligations: frozenset[Obligation] = frozenset()
    sharing: Sharing | None = None
    keeping: Keeping | None = None
    keep_at_most_s: int | None = None


class Never(Struct, frozen=True, kw_only=True):
    """
    A claim that is proven at load: no path of the configuration sends data of these classes to these zones.

    A summary that was made privately and checked is no longer this data, unless `even_summarised`.
    """

    claim_id: str
    classes: frozenset[str]
    zones: frozenset[str]
    even_summarised: bool = False


class PolicyText(Struct, frozen=True, kw_only=True):
    """
    A whole policy. `derived` are (classes that meet, class that follows); `waived` the claims that its owner gave up; `digest` names the content.
    """

    digest: str
    levels: Mapping[str, Level]
    rules: tuple[Rule, ...]
    claims: tuple[Never, ...] = ()
    derived: tuple[tuple[frozenset[str], str], ...] = ()
    waived: frozenset[str] = frozenset()


class PolicyFault(Struct, frozen=True):
    """A fault of a policy: `part` (`rules`, `claims`, `derived`, `waive`), the name of the entry, its field if one is to blame, and what to do."""

    part: str
    name: str
    field: str | None
    says: str
    remedy: str
