"""
What changes between two policies, for the commands that compare them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click
import msgspec
from msgspec.structs import replace

from pointsman.cli.options import Wrong, say, table
from pointsman.core.snapshot import Snapshot
from pointsman.governance.policy.cells import NO, Change, cells, changes
from pointsman.governance.policy.faults import faults
from pointsman.settings.mistakes import SettingsInvalid
from pointsman.settings.policy_compile import policy_digest, rule_of
from pointsman.settings.policy_shape import PolicyRule
from pointsman.settings.policy_text import PolicyText, Rule
from pointsman.settings.yaml_text import compose

_FEW: Final = 3


def changed_by_rules(text: PolicyText, rules: Sequence[str]) -> PolicyText:
    """Return the policy with further rules, each in YAML. Raises `Wrong`."""
    more = replace(text, digest="", rules=(*text.rules, *map(_read, rules)))
    found = faults(more)
    if found:
        raise Wrong("\n".join(f"rule `{fault.name}`: {f'{fault.field}: ' if fault.field else ''}{fault.says} {fault.remedy}" for fault in found))
    return replace(more, digest=policy_digest(more))


def _read(source: str) -> Rule:
    try:
        return rule_of(msgspec.convert(compose(source, "--rule").values, PolicyRule))
    except (SettingsInvalid, msgspec.ValidationError) as error:
        raise Wrong(
            f"`{source[:100]}` is no rule: {error}. Write one as under `policy.rules`, such as `{{id: x, effect: forbid, classes: [legal]}}`."
        ) from error


def difference(old: tuple[Snapshot, PolicyText], new: tuple[Snapshot, PolicyText], *, now_s: float) -> dict[str, Any]:
    """Return what is permitted differently, at a time in Unix seconds."""
    before, after = (cells(snapshot, text, now_s=now_s) for snapshot, text in (old, new))
    return {"cells": len({*before, *after}), "uses": len({cell[2:] for cell in {*before, *after}}), "changes": changes(before, after)}


def tell_changes(found: Mapping[str, Any]) -> None:
    """Print what is permitted differently, and what would be broken."""
    told: Sequence[Change] = found["changes"]
    if told:
        rows = [(one.data_class, one.target, one.before, "→", one.after, _uses(one, found["uses"])) for one in told]
        click.echo(table(("class", "target", "before", "", "after", "for"), rows) + "\n")
    wider = sum(one.before in (NO, "-") and one.after not in (NO, "-") for one in told)
    opened = f"; {wider} of {len(told)} lines open what was closed" if wider else ""
    say(f"{sum(len(one.uses) for one in told)} of {found['cells']} cells change{opened}.")
    for says in found.get("broken", ()):
        say(f"It would not load: {says}")

    if "decisions" in found:
        say(f"Cedar decides {found['decisions'] - found['disagreements']} of {found['decisions']} the same.")


def _uses(one: Change, every: int) -> str:
    if len(one.uses) == every:
        return "every key and capability"
    few = ", ".join(f"{key} with {capability}" for capability, key in one.uses[:_FEW])
    return few if len(one.uses) <= _FEW else f"{few} and {len(one.uses) - _FEW} more"
