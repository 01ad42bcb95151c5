"""
`pointsman policy`: what the policy of a configuration means, proves and would mean if it were changed. Nothing is sent and nothing is written.
"""

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, say, table, warn
from pointsman.cli.policy_changes import changed_by_rules, difference, tell_changes
from pointsman.cli.policy_oracle import compared_with_cedar
from pointsman.cli.policy_warnings import Surprises, surprises, tell_surprises
from pointsman.core.capability import Capability
from pointsman.core.label import a_label
from pointsman.core.principal import Principal
from pointsman.core.target import Target
from pointsman.core.verdict import Verdict
from pointsman.governance.policy.cedar import to_cedar
from pointsman.governance.policy.cells import COLUMNS, DEPENDS, matrix, unused
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.policy.proof import prove
from pointsman.governance.policy.template import template
from pointsman.governance.policy.zones import zone_of
from pointsman.intake.keys import LOCAL
from pointsman.settings.load import Settings
from pointsman.settings.policy_text import Action

_ACTIONS: Final = tuple(action.value for action in Action if action not in (Action.CACHE, Action.LOG_CONTENT, Action.PERSON))


@click.group("policy")
def command() -> None:
    """Check, explain and compare where which data may go."""


@command.command("check", short_help="Prove the claims and show the table of classes and zones.")
@click.option("--cedar", "as_cedar", is_flag=True, help="Print the rules in Cedar instead.")
@config_option
@json_option
def check(path: Path, *, as_cedar: bool, as_json: bool) -> None:
    """Prove that no path breaks a claim, and show what is permitted where. A configuration that breaks one does not load."""
    settings = settings_at(path)
    if as_cedar:
        click.echo(to_cedar(settings.policy), nl=False)
        return
    text, snapshot = settings.policy, settings.snapshot
    own = [rule for rule in text.rules if rule not in template().rules]
    never = unused(snapshot, text, among=own)
    found = {
        "policy": text.digest,
        "rules": len(text.rules),
        "own_rules": [rule.rule_id for rule in own],
        "proven": [claim.claim_id for claim in text.claims if claim.claim_id not in text.waived],
        "broken": [violation.says for violation in prove(snapshot, text)],
        "matrix": matrix(text),
        "unused_rules": never,
    }
    surprising = surprises(settings)
    if as_json:
        print_json({**found, **msgspec.structs.asdict(surprising)})
    else:
        _tell(path, found, surprising=surprising)


def _tell(path: Path, found: dict[str, Any], *, surprising: Surprises) -> None:
    proven = len(found["proven"])
    say(f"{path}: policy {found['policy']} · {found['rules']} rules, {len(found['own_rules'])} of your own · {proven} claims proven: no path breaks them\n")
    rows = [(name, *(row[column] for column in COLUMNS)) for name, row in found["matrix"].items()]
    click.echo(table(("class", *COLUMNS), rows))
    if any(cell.endswith(DEPENDS) for row in rows for cell in row):
        note(f"\n{DEPENDS} depends on who asks, on the capability, or on facts of the vendor. `pointsman policy explain` tells for one call.")
    for name in found["unused_rules"]:
        warn(f"the rule `{name}` applies to nothing in this configuration. Correct it, or leave it out.")
    tell_surprises(surprising)


# ── one call ────────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("explain", short_help="Show for one label where it may go and why.")
@click.option("--class", "classes", multiple=True, required=True, help="A class of the data; may be given again.")
@click.option("--capability", required=True, help="The capability.")
@click.option("--key-id", help="The key that calls; by default the first that may use the capability.")
@click.option("--action", type=click.Choice(_ACTIONS), default=Action.INFER.value, show_default=True, help="What is done with the data.")
@config_option
@json_option
def explain(path: Path, *, capability: str, key_id: str | None, action: str, classes: tuple[str, ...], as_json: bool) -> None:
    """Show every target with why it is open or closed to data of these classes, and what must be done first."""
    settings = settings_at(path)
    asked, principal = _capability(settings, capability), _principal(settings, capability, key_id=key_id)
    unknown = [name for name in classes if name not in settings.policy.levels]
    if unknown:
        raise Wrong(f"There is no data class `{unknown[0]}`. Those there are: {', '.join(f'`{name}`' for name in settings.policy.levels)}.")
    policy = CompiledPolicy(settings.policy, settings.snapshot.targets.values(), snapshot=settings.snapshot.digest)
    label = a_label(*classes, levels=settings.policy.levels)
    verdict = policy.verdict(principal, label, capability=asked, action=Action(action), now_s=now_ms() / 1000)
    targets = [_explained(policy, target, verdict=verdict, principal=principal, asked=(asked, Action(action))) for target in _in_order(settings, asked)]
    whole = {
        "capability": capability,
        "key": principal.key.key_id,
        "label": verdict.label.text,
        "level": verdict.label.level.name.lower(),
        "action": action,
        "policy": settings.policy.digest,
        "targets": targets,
        "cache": verdict.sharing.name.lower(),
        "content_log": verdict.keeping.name.lower(),
        "keep_at_most_s": verdict.keep_at_most_s,
        "record_before_egress": verdict.before_egress,
    }
    if as_json:
        print_json(whole)
    else:
        _tell_call(whole)


def _explained(policy: CompiledPolicy, target: Target, *, verdict: Verdict, principal: Principal, asked: tuple[Capability, Action]) -> dict[str, Any]:
    told = policy.reason(target, verdict, principal=principal, capability=asked[0], action=asked[1])
    return {
        "target": target.name,
        "zone": zone_of(target),
        "is_open": verdict.permits(target),
        "first": sorted(f"{duty.obligation.value} {duty.data_class}" for duty in verdict.owes(target)),
        "code": told.code,
        "says": told.says,
    }


def _tell_call(whole: dict[str, Any]) -> None:
    say(f"{whole['capability']} · key {whole['key']} · {whole['label']} data ({whole['level']}) · {whole['action']} · policy {whole['policy']}\n")
    rows = [(one["target"], one["zone"], "yes" if one["is_open"] else "no", ", ".join(one["first"]) or "-") for one in whole["targets"]]
    click.echo(table(("target", "zone", "open", "first"), rows) + "\n")
    for one in whole["targets"]:
        say(f"  {one['target']} is {'open' if one['is_open'] else 'closed'}: {one['says']}.")
    say(f"\nAnswers are shared with: {whole['cache']}. Of the content is kept: {whole['content_log']}.")


def _in_order(settings: Settings, capability: Capability) -> list[Target]:
    """Return the targets of the capability first, then all others."""
    return list({target.name: target for target in (*capability.ladder, *settings.snapshot.targets.values())}.values())


def _capability(settings: Settings, name: str) -> Capability:
    found = settings.snapshot.capabilities.get(name)
    if found is None:
        raise Wrong(f"There is no capability `{name}`. Those there are: {', '.join(f'`{one}`' for one in settings.snapshot.capabilities)}.")
    return found


def _principal(settings: Settings, capability: str, *, key_id: str | None) -> Principal:
    keys = settings.snapshot.keys or (LOCAL,)
    if key_id is None:
        return Principal(key=next((key for key in keys if key.capabilities is None or capability in key.capabilities), keys[0]))
    found = next((key for key in keys if key.key_id == key_id), None)
    if found is None:
        raise Wrong(f"There is no key `{key_id}`. Those there are: {', '.join(f'`{key.key_id}`' for key in keys)}.")
    return Principal(key=found)


# ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("what-if", short_help="Show what a further rule or a changed file would change.")
@click.option("--rule", "rules", multiple=True, help="A rule in YAML, such as `{id: x, effect: forbid, classes: [legal]}`; may be given again.")
@click.option("--file", "changed", type=click.Path(path_type=Path, dir_okay=False), help="A changed configuration.")
@click.option("--cedar", "asks_cedar", is_flag=True, help="Ask Cedar too, and compare every decision.")
@config_option
@json_option
def what_if(path: Path, *, rules: tuple[str, ...], changed: Path | None, asks_cedar: bool, as_json: bool) -> int:
    """Show which cells would change, and which claims would break. Exits with 1 if one would, or if Cedar disagrees."""
    if bool(rules) == (changed is not None):
        raise click.UsageError("Give a changed file by `--file`, or rules by `--rule`.")
    old = settings_at(path)
    new = old if changed is None else settings_at(changed)
    text = changed_by_rules(new.policy, rules)
    found: dict[str, Any] = difference((old.snapshot, old.policy), (new.snapshot, text), now_s=now_ms() / 1000)
    found["broken"] = [violation.says for violation in prove(new.snapshot, text)]
    if asks_cedar:
        found["decisions"], found["disagreements"] = compared_with_cedar(new.snapshot, text)
    _print(found, as_json=as_json)
    return 1 if found["broken"] or found.get("disagreements") else 0


@command.command("diff", short_help="Show what differs between two files.")
@click.argument("old", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """Show for each class and target what was permitted and what is."""
    before, after = settings_at(old), settings_at(new)
    _print(difference((before.snapshot, before.policy), (after.snapshot, after.policy), now_s=now_ms() / 1000), as_json=as_json)


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        tell_changes(found)
