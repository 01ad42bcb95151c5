"""
A policy as written: rules about classes of data, actions, principals and targets. `governance/policy` gives it its meaning.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from pointsman.core.label import Level
from pointsman.core.verdict import Obligation


class Action(StrEnum):
    """What is done with data. Each needs a permission of its own."""

    INFER = "infer"
    SUMMARISE = "summarise"
    EMBED = "embed"
    JUDGE = "judge"
    SHADOW = "shadow"
    CACHE = "cache"
    LOG_CONTENT = "log_content"
    PERSON = "person"
    TOOL = "tool"


class Rule(Struct, frozen=True, kw_only=True):
    """
    One rule. `classes` and `actions` it speaks about; empty means all. `principals` and `targets`: attribute → accepted values; `when` is CEL over
    `principal`, `capability`, `purpose` and `target`. `obligations` belong to what it permits; `more` holds the limits of `cache` and `log_content`.
    """

    rule_id: str
    permits: bool
    classes: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    principals: Mapping[str, frozenset[str]] = {}
    targets: Mapping[str, frozenset[str]] = {}
    when: str | None = None
    obligations: frozenset[Obligation] = frozenset()
    more: Mapping[str, str | int] = {}


class Never(Struct, frozen=True, kw_only=True):
    """A claim that is proven at load: no path of the configuration sends data of these classes to these zones."""

    claim_id: str
    classes: frozenset[str]
    zones: frozenset[str]


class PolicyText(Struct, frozen=True, kw_only=True):
    """A whole policy. `derived` are (classes that meet, class that follows); `digest` names the content."""

    digest: str
    levels: Mapping[str, Level]
    rules: tuple[Rule, ...]
    claims: tuple[Never, ...] = ()
    derived: tuple[tuple[frozenset[str], str], ...] = ()
