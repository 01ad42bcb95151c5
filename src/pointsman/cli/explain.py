"""
`pointsman explain`: where a call would go and why, without sending it, or why one on record went where it went.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec.structs import replace

from pointsman.app.explain import Candidate, Explanation, explain, rehearsing
from pointsman.app.gateway import Gateway, system_clock
from pointsman.cli.configuration import settings_at
from pointsman.cli.explain_past import say_changes, say_list, tell_past, weighed_table
from pointsman.cli.options import Wrong, config_option, json_option, money, note, print_json, say, table
from pointsman.core.errors import PointsmanError
from pointsman.core.label import Label, a_label
from pointsman.core.place import Dialect
from pointsman.core.principal import Principal
from pointsman.decision.criteria import read
from pointsman.intake.keys import LOCAL
from pointsman.settings.secrets import environment
from pointsman.surfaces.registry import BY_DIALECT

_STATES: Final = {"passes": "passes", "answers": "answers", "may_answer": "on", "refuses": "REFUSES", "off": "off"}
_PICTURE: Final = "https://example.com/picture.png"
_SCHEMA: Final[dict[str, object]] = {"type": "object", "properties": {}, "additionalProperties": False}
_PROTOCOLS: Final = {"openai": Dialect.OPENAI_CHAT, "anthropic": Dialect.ANTHROPIC_MESSAGES}


@click.command("explain")
@click.argument("prompt", default="Hello")
@click.option("--capability", help="The capability, or a target's name for a key that may name targets.")
@click.option("--call", "call_id", help="A call on record, by the id in its reply's header `x-request-id`, instead of a prompt.")
@click.option("--data-class", help="The class that the request declares, or several with commas.")
@click.option("--key-id", help="The key that calls; by default the first that may use the capability.")
@click.option("--user", help="The person for whom the application calls.")
@click.option("--protocol", type=click.Choice(list(_PROTOCOLS)), default="openai", show_default=True, help="The protocol that the caller speaks.")
@click.option("--tools", is_flag=True, help="The call offers tools.")
@click.option("--images", is_flag=True, help="The call holds a picture.")
@click.option("--schema", is_flag=True, help="The call asks for an answer that fits a JSON Schema.")
@click.option("--stream", is_flag=True, help="The call asks for a stream.")
@click.option("--criteria", help="What the request would set by the header `x-pointsman-criteria`, such as `risk=high, within_s=3`.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="The longest answer that the call allows.")
@config_option
@json_option
def command(path: Path, *, capability: str | None, call_id: str | None, as_json: bool, **asked: Any) -> None:
    """Show every candidate with why it is in or out. Nothing is sent and nothing is recorded."""
    if call_id is not None:
        tell_past(path, call_id, as_json=as_json)
    elif capability is None:
        raise click.UsageError("Name a capability with --capability, or a call on record with --call.")
    else:
        _rehearse(path, capability, as_json=as_json, **asked)


def _rehearse(path: Path, capability: str, *, data_class: str | None, key_id: str | None, as_json: bool, **asked: Any) -> None:
    user, told = asked.pop("user"), asked.pop("criteria")
    criteria: Mapping[str, float] = {} if told is None else read(told)
    settings = settings_at(path)
    with rehearsing(settings, environ=environment(), clock=system_clock()) as rehearsal:
        principal = replace(_principal(rehearsal.gateway, capability, key_id=key_id), user=user)
        dialect = _PROTOCOLS[asked.pop("protocol")]
        body = msgspec.json.encode(_openai(capability, **asked) if dialect is Dialect.OPENAI_CHAT else _anthropic(capability, **asked))
        call = BY_DIALECT[dialect].decode(body, rehearsal.gateway.new_id())
        found = explain(rehearsal, call, principal=principal, declared=_declared(data_class, rehearsal.gateway), criteria=criteria)
    if as_json:
        print_json(asdict(found))
    else:
        _tell(found)


def _declared(told: str | None, gateway: Gateway) -> Label | None:
    if told is None:
        return None
    levels = gateway.stages.judge.levels
    names = [name.strip() for name in told.split(",")]
    for name in names:
        if name not in levels:
            raise Wrong(f"There is no data class `{name}`. Known: {', '.join(f'`{one}`' for one in sorted(levels))}.")
    return a_label(*names, levels=levels)


def _principal(gateway: Gateway, capability: str, *, key_id: str | None) -> Principal:
    snapshot = gateway.stages.snapshot
    if capability not in snapshot.capabilities and capability not in snapshot.targets:
        raise Wrong(f"There is no capability `{capability}`. Those there are: {', '.join(f'`{name}`' for name in snapshot.capabilities)}.")
    keys = snapshot.keys or (LOCAL,)
    if key_id is not None:
        found = next((key for key in keys if key.key_id == key_id), None)
        if found is None:
            raise Wrong(f"There is no key `{key_id}`. Those there are: {', '.join(f'`{key.key_id}`' for key in keys)}.")
        return Principal(key=found)
    able = [principal for key in keys if _may(gateway, principal := Principal(key=key), capability=capability)]
    return able[0] if able else Principal(key=keys[0])


def _may(gateway: Gateway, principal: Principal, *, capability: str) -> bool:
    try:
        gateway.stages.intake.find(principal, capability)
    except PointsmanError:
        return False
    return True


# ── the call ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _openai(capability: str, *, prompt: str, max_tokens: int | None, **has: bool) -> dict[str, Any]:
    content: Any = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": {"url": _PICTURE}}] if has["images"] else prompt
    body: dict[str, Any] = {"model": capability, "messages": [{"role": "user", "content": content}], "stream": has["stream"]}
    if has["tools"]:
        body["tools"] = [{"type": "function", "function": {"name": "look_up", "parameters": _SCHEMA}}]
    if has["schema"]:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": _SCHEMA}}
    return body if max_tokens is None else {**body, "max_completion_tokens": max_tokens}


def _anthropic(capability: str, *, prompt: str, max_tokens: int | None, **has: bool) -> dict[str, Any]:
    content: Any = [{"type": "text", "text": prompt}, {"type": "image", "source": {"type": "url", "url": _PICTURE}}] if has["images"] else prompt
    body: dict[str, Any] = {"model": capability, "messages": [{"role": "user", "content": content}], "stream": has["stream"], "max_tokens": max_tokens or 1024}
    if has["tools"]:
        body["tools"] = [{"name": "look_up", "input_schema": _SCHEMA}]
    if has["schema"]:
        body["output_config"] = {"format": {"type": "json_schema", "schema": _SCHEMA}}
    return body


# ── the story ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell(found: Explanation) -> None:
    say(f"{found.capability} · key {found.key} · {found.data_class} data · snapshot {found.snapshot}\n")
    for step in found.steps:
        say(f"  {step.stage:<7} {_STATES[step.state]:<8} {step.says}", hang=17)
    if found.candidates:
        header = ("", "target", "place", "data", "fits", "api", "key", "estimate")
        click.echo("\n" + table(header, [_row(one) for one in found.candidates]) + "\n")
        for one in found.candidates:
            owed = "" if one.order is None or not one.owed else f", but first: {', '.join(one.owed)}"
            say(f"  {one.target} is {'out' if one.order is None else 'in'}: {one.says}{owed}.")
    if found.is_by_value:
        by = f"parameters {found.learned[:8]}" if found.learned else "nothing learned"
        click.echo(f"\nWeighed with {by}:\n\n" + weighed_table([one.weighed for one in found.candidates if one.weighed], first=found.first))
    click.echo()
    if found.refusal is not None:
        say(f"The call would be refused. The caller would be told:\n  {found.refusal}")
    else:
        say(f"The call would be answered by `{found.answered_by}`{_or_cache(found)}.")
    say_list(found.decisive, title="\nWhat decides it")
    say_changes(found.changes, title="\nWhat would change it")
    if found.tokens_in is not None:
        note(f"\nEstimates are for {found.tokens_in} {'token' if found.tokens_in == 1 else 'tokens'} in and {found.tokens_out} out. Nothing was sent.")


def _row(one: Candidate) -> tuple[str, ...]:
    return (
        "-" if one.order is None else str(one.order),
        one.target,
        one.place,
        "no" if one.policy != "permitted" else "owed" if one.owed else "yes",
        "yes" if one.fit == "fits" else "no",
        one.protocol,
        "-" if one.credential == "none needed" else one.credential,
        "hardware" if one.estimate_nano_usd is None and one.price != "unknown" else money(one.estimate_nano_usd),
    )


def _or_cache(found: Explanation) -> str:
    return ", unless the cache has it" if any(step.state == "may_answer" for step in found.steps) and found.answered_by != "rules" else ""
