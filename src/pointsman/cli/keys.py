"""
`pointsman keys`: make, rotate, revoke and list the keys of applications, in `pointsman.yaml` itself.

The secret is shown once; the file keeps its digest. A running gateway takes the change up by itself.
"""

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from pointsman.cli.configuration import check_of, now_ms, settings_at
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, span_s, table, warn
from pointsman.core.principal import Digest, Key, Scope
from pointsman.intake.keys import mint
from pointsman.settings.compile import when_s
from pointsman.settings.edit import Value, drop, editing, put, replace_file
from pointsman.storage.identity_file import IdentityFile

_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,99}$")
_KEY_BYTES: Final = 32
_OPEN: Final = "the gateway is open to anybody on this machine"

_name: Any = click.argument("name")


@click.group("keys")
def command() -> None:
    """Make, rotate, revoke and list keys."""


@command.command("create", short_help="Make a key and show its secret once.")
@_name
@click.option("--tenant", default="default", show_default=True, help="Whose data it is. Tenants share nothing.")
@click.option("--team", help="Who pays.")
@click.option("--application", help="Which application calls.")
@click.option("--capability", "capabilities", multiple=True, help="A capability that it may use; may be given again. By default all.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice([scope.value for scope in Scope]), help="What it may do; may be given again.")
@click.option("--expires", help="When it ends: `2027-01-31`, `2027-01-31T12:00:00` (UTC), or after `90d`.")
@click.option("--data-class", "classes", multiple=True, help="The class of all data that it sends, such as `internal` or `personal`; may be given again.")
@click.option("--group", "groups", multiple=True, help="A group that policies know it by; may be given again.")
@click.option("--residency", "regions", multiple=True, help="A region in which its data may be processed, and nowhere else; may be given again.")
@config_option
@json_option
def create(name: str, path: Path, *, as_json: bool, **told: Any) -> None:
    """Make a key, write its digest into the file and show its secret once, on standard output."""
    if not _NAME.match(name):
        raise Wrong(f"`{name[:100]}` cannot name a key. Use up to 100 letters, digits and . _ / : @ -, beginning with a letter or digit.")
    with editing(path) as source:
        before = settings_at(path).snapshot.keys
        if any(key.key_id == name for key in before):
            raise Wrong(f"There is a key `{name}` already. Choose another name, or give it a new secret with `pointsman keys rotate {name}`.")
        minted = mint(secrets.token_bytes(_KEY_BYTES))
        entry: dict[str, Value] = {
            "sha256": minted.sha256,
            "tenant": told["tenant"] if told["tenant"] != "default" else None,
            "team": told["team"],
            "application": told["application"],
            "capabilities": told["capabilities"] or None,
            "scopes": told["scopes"] or None,
            "expires": _ends(told["expires"]),
            "data_class": told["classes"] or None,
            "groups": told["groups"] or None,
            "residency": told["regions"] or None,
        }
        replace_file(path, put(source, ("keys", name), value=entry), check=check_of(path))
    if as_json:
        print_json({"name": name, "secret": minted.secret, "first": not before, **{field: value for field, value in entry.items() if value is not None}})
        return
    note(f"Wrote the key `{name}` to {path}. Its secret is shown only now; send it as `Authorization: Bearer …` or `x-api-key`:\n")
    click.echo(minted.secret)
    if not before:
        note("")
        warn("This is the first key. Until now anybody on this machine could call; once the gateway has read the file (about a second) every call needs one.")


@command.command("rotate")
@_name
@click.option("--overlap", default="24h", show_default=True, help="How long the old secret is still accepted, such as `24h`, `7d` or `0m`.")
@config_option
@json_option
def rotate(name: str, path: Path, *, overlap: str, as_json: bool) -> None:
    """Give a key a new secret; the old one is accepted for a while."""
    overlap_s = span_s(overlap)
    if overlap_s is None:
        raise click.BadParameter(f"`{overlap}` is no span of time. Write it like `24h`, `7d` or `30m`.", param_hint="--overlap")
    with editing(path) as source:
        old = _known(settings_at(path).snapshot.keys, name)
        minted = mint(secrets.token_bytes(_KEY_BYTES))
        until = _utc(now_ms() / 1000 + overlap_s)
        changed = put(source, ("keys", name, "sha256"), value=minted.sha256)
        if overlap_s:
            changed = put(changed, ("keys", name, "previous"), value={"sha256": old.digests[0].sha256, "until": until})
        elif len(old.digests) > 1:
            changed = drop(changed, ("keys", name, "previous"))
        replace_file(path, changed, check=check_of(path))
        _refuse_at_once(path, old.digests[1:] if overlap_s else old.digests)
    if as_json:
        print_json({"name": name, "secret": minted.secret, "previous_until": until if overlap_s else None})
        return
    still = f"the old one is accepted until {until} UTC" if overlap_s else "the old one is accepted no more"
    note(f"Wrote a new secret of `{name}` to {path}; {still}. The new one is shown only now:\n")
    click.echo(minted.secret)
    if any(digest.until_s is not None and digest.until_s > now_ms() / 1000 for digest in old.digests):
        note("")
        warn("The secret before the old one was still accepted, and is no more: a key has two at most.")


@command.command("revoke")
@_name
@click.option("--force", is_flag=True, help="Also the last key, which opens the gateway to anybody on this machine.")
@config_option
@json_option
def revoke(name: str, path: Path, *, force: bool, as_json: bool) -> None:
    """End a key: its secrets are accepted no more."""
    with editing(path) as source:
        before = settings_at(path).snapshot.keys
        gone = _known(before, name)
        if len(before) == 1 and not force:
            raise Wrong(f"`{name}` is the last key: without any, {_OPEN}. Make another key first, or use --force.")
        replace_file(path, drop(source, ("keys", name)), check=check_of(path))
        _refuse_at_once(path, gone.digests)
    if as_json:
        print_json({"name": name, "revoked": True, "open": len(before) == 1})
        return
    note(f"Took the key `{name}` out of {path}. A running gateway refuses it within a second.")
    if len(before) == 1:
        warn(f"There are no keys any more: {_OPEN}.")


@command.command("list")
@config_option
@json_option
def show(path: Path, *, as_json: bool) -> None:
    """List the keys and what they may do. Secrets are not kept and cannot be shown."""
    keys = settings_at(path).snapshot.keys
    if as_json:
        print_json([_as_data(key) for key in keys])
    elif not keys:
        note(f"There are no keys: {_OPEN}. Make one with `pointsman keys create NAME`.")
    else:
        click.echo(table(("key", "tenant", "team", "capabilities", "scopes", "data", "accepted"), [_row(key) for key in keys]))


def _known(keys: tuple[Key, ...], name: str) -> Key:
    found = next((key for key in keys if key.key_id == name), None)
    if found is None:
        raise Wrong(f"There is no key `{name[:100]}`. `pointsman keys list` shows those there are.")
    return found


def _refuse_at_once(path: Path, digests: Iterable[Digest]) -> None:
    """Tell running gateways, which look there several times a second, also while a change of the file waits for approval or has mistakes."""
    file = IdentityFile(path.parent / settings_at(path).identity.kept_in)
    try:
        for digest in digests:
            file.revoke("key", digest.sha256, now_s=now_ms() / 1000)
    finally:
        file.close()


def _ends(told: str | None) -> str | None:
    if told is None:
        return None
    span = span_s(told)
    if span is not None:
        return _utc(now_ms() / 1000 + span)
    try:
        at_s = when_s(told)
    except ValueError:
        raise click.BadParameter(f"`{told}` is no date. Write `2027-01-31`, `2027-01-31T12:00:00` (UTC) or `90d`.", param_hint="--expires") from None
    if at_s <= now_ms() / 1000:
        raise click.BadParameter(f"`{told}` is over already. Choose a later time.", param_hint="--expires")
    return told


def _row(key: Key) -> tuple[str, ...]:
    capabilities = "all" if key.capabilities is None else ", ".join(sorted(key.capabilities))
    return key.key_id, key.tenant, key.team or "", capabilities, ", ".join(sorted(key.scopes)), key.label.text, _until(key)


def _until(key: Key) -> str:
    if key.expires_s is None:
        return "until revoked"
    return f"until {_utc(key.expires_s)}" + (" (over)" if key.expires_s <= now_ms() / 1000 else "")


def _as_data(key: Key) -> dict[str, object]:
    return {
        "name": key.key_id,
        "tenant": key.tenant,
        "team": key.team,
        "application": key.application,
        "capabilities": None if key.capabilities is None else sorted(key.capabilities),
        "scopes": sorted(key.scopes),
        "data_class": key.label.text,
        "groups": sorted(key.groups),
        "residency": None if key.label.residency is None else sorted(key.label.residency),
        "expires": None if key.expires_s is None else _utc(key.expires_s),
        "previous_until": next((_utc(digest.until_s) for digest in key.digests if digest.until_s is not None), None),
    }


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None, microsecond=0).isoformat()
