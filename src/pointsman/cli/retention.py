"""
`pointsman retention`: let go what has had its time, hold what must stay, and prove that the erased stay erased.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.app.auditing import witness_of_reading
from pointsman.cli.configuration import now_ms
from pointsman.cli.kept import audited, kept, parted, told_to, vault_reader, who
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, table
from pointsman.ledger.audit.record import Kind
from pointsman.ledger.content.drill import Drill, drill
from pointsman.ledger.content.expiry import Expired, expire
from pointsman.ledger.content.holds import Hold
from pointsman.ledger.content.opening import master_key
from pointsman.ledger.content.store import ContentStore
from pointsman.settings.secrets import FORMS, environment, is_reference

_MS: Final = 1000

_subject: Any = click.option("--subject", help="A person: `TENANT/USER`.")
_unit: Any = click.option("--unit", help="A business item: `TENANT/UNIT`.")
_tenant: Any = click.option("--tenant", help="A whole tenant.")


@click.group("retention")
def command() -> None:
    """Let go what has had its time, hold what must stay, and prove that the erased stay erased."""


@command.command("run", short_help="Delete what is past its time now.")
@click.option("--dry-run", is_flag=True, help="Count what would go, and change nothing.")
@config_option
@json_option
def run_command(path: Path, *, dry_run: bool, as_json: bool) -> None:
    """Delete what is past its time and not held. A running gateway does this by itself every hour."""
    with kept(path) as found:
        done = expire(found.files, found.settings.retention, now_ms=now_ms(), dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **msgspec.structs.asdict(done)})
        return
    click.echo(f"{'Would delete' if dry_run else 'Deleted'} {_listed(done)}.")


def _listed(done: Expired) -> str:
    sealed = f"{done.sealed} rows of sealed days, " if done.sealed else ""
    return (
        f"{done.content} kept contents, {done.calls} calls, {done.outcomes} outcomes, {sealed}the keys of {done.days} days and {done.copies} copies of the keys"
    )


# ── holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("hold", short_help="Keep a person's, an item's or a tenant's data from erasure and expiry.")
@_subject
@_unit
@_tenant
@click.option("--why", required=True, help="The reason, such as the number of the case. It is on record.")
@config_option
def hold_command(path: Path, *, why: str, **told: str | None) -> None:
    """Put a legal hold on a subject, a unit or a tenant: until it is released nothing of theirs is erased or expires."""
    kind, tenant, name = _held(told)
    with kept(path) as found, audited(found.settings) as log:
        found.files.keys.holds.put(Hold(tenant=tenant, kind=kind, name=name, held_ms=now_ms(), who=who(), why=why))
        told_to(log, Kind.HOLD, tenant=tenant, facts={"on": kind, "why": why}, **_named(kind, name))
    click.echo(f"Held. `pointsman retention release --{kind} {_shown(kind, tenant, name=name)}` ends it.")


@command.command("release", short_help="End a hold.")
@_subject
@_unit
@_tenant
@config_option
def release_command(path: Path, **told: str | None) -> None:
    """End a legal hold; what was only held is deleted at the next run."""
    kind, tenant, name = _held(told)
    with kept(path) as found, audited(found.settings) as log:
        if not found.files.keys.holds.release(tenant, kind, name=name):
            raise Wrong("There is no such hold. `pointsman retention holds` lists those that stand.")
        told_to(log, Kind.RELEASED, tenant=tenant, facts={"on": kind}, **_named(kind, name))
    click.echo("Released.")


@command.command("holds", short_help="List the holds that stand.")
@config_option
@json_option
def holds_command(path: Path, *, as_json: bool) -> None:
    """List the legal holds that stand, the oldest first."""
    with kept(path) as found:
        holds = found.files.keys.holds.all()
    if as_json:
        print_json({"holds": holds})
    elif not holds:
        note("Nothing is held.")
    else:
        rows = [(hold.kind, _shown(hold.kind, hold.tenant, name=hold.name), _at(hold.held_ms), hold.who, hold.why) for hold in holds]
        click.echo(table(("on", "name", "since", "who", "why"), rows))


def _held(told: dict[str, str | None]) -> tuple[str, str, str]:
    given = [(kind, text) for kind, text in told.items() if text]
    if len(given) != 1:
        raise Wrong("A hold is on one thing. Name it with `--subject`, `--unit` or `--tenant`.")
    kind, text = given[0]
    return (kind, text, "") if kind == "tenant" else (kind, *parted(text, what=kind))


def _named(kind: str, name: str) -> dict[str, str]:
    return {"subject": {"user": name}, "unit": {"unit": name}}.get(kind, {})


def _shown(kind: str, tenant: str, *, name: str) -> str:
    return tenant if kind == "tenant" else f"{tenant}/{name}"


def _at(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / _MS, UTC).strftime("%Y-%m-%d %H:%M UTC")


# ── what is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("show", short_help="Show what is kept of a call, on record.")
@click.argument("call")
@config_option
@json_option
def show_command(path: Path, *, call: str, as_json: bool) -> None:
    """Show what was said in a call, as far as it is kept. That you looked, and whether there was anything, is on record before you see it."""
    with kept(path) as found, audited(found.settings) as log:
        store = ContentStore(found.files.content, found.files.keys, seen=witness_of_reading(log, now_ms))
        try:
            content = store.read(call, who=who())
        finally:
            store.close()
        log.flush()
    if content is None:
        raise Wrong("Nothing of this call can be read: it was never kept, has had its time, or was erased. `retention` in the configuration says what is kept.")
    if as_json:
        print_json(content)
        return
    until = f"kept {content.keeping.name.lower()} to {_at(content.until_ms)}"
    note(f"`{content.label}` data of the tenant `{content.tenant}`, said {_at(content.said_ms)}, {until}.\n")
    for text in (content.request, content.answer):
        click.echo("(only its hash is kept)" if text is None else text.decode(errors="replace"))


# ── backups and keys ────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("drill", short_help="Restore a backup into a folder of its own and prove that the erased stay erased.")
@click.option("--backup", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="The folder of a backup.")
@click.option("--word", "words", multiple=True, help="A word that must then stand in no file, such as the name of an erased user; may be given again.")
@config_option
@json_option
def drill_command(path: Path, *, backup: Path, words: tuple[str, ...], as_json: bool) -> int:
    """
    Restore the ledger and the content of a backup into a temporary folder, with the keys of today. Exit code 1 if anything of anybody erased can be read
    or found there.
    """
    with kept(path) as found, tempfile.TemporaryDirectory(prefix="pointsman-drill-") as folder:
        done = drill(backup, found.files, into=Path(folder), words=words)
    if as_json:
        print_json({"passed": done.is_passed, **msgspec.structs.asdict(done)})
    else:
        _tell_drill(done)
    return 0 if done.is_passed else 1


def _tell_drill(done: Drill) -> None:
    click.echo(f"{done.tombstones} erased subjects; the backup held {done.rows} sealed contents of theirs, {done.cleaned} rows were erased again.")
    if done.is_passed:
        click.echo("Nothing of theirs could be read, and nothing is left.")
        return
    click.echo(
        f"{done.opened} contents could be read, {done.left} rows are left, and words were found in {', '.join(name for name, _ in done.found) or 'no file'}."
    )
    note("Somebody has put back an old copy of the keys. Restore the file of the keys of today.")


@command.command("rekey", short_help="Wrap the keys under a new master key.")
@click.option("--to", "reference", required=True, help=f"Where the new master key is: {FORMS}.")
@config_option
def rekey_command(path: Path, *, reference: str) -> None:
    """Wrap the keys of all tenants under a new master key. Stop the gateway first, and name the new one under `retention.keys.master` after."""
    if not is_reference(reference):
        raise Wrong(f"That is no reference. Write {FORMS}.")
    with kept(path) as found, audited(found.settings) as log:
        settings = found.settings
        found.files.keys.rewrap(master_key(reference, folder=settings.folder, environ=environment(), vault=vault_reader(settings)))
        told_to(log, Kind.ADMIN, tenant="", facts={"did": "rekey"})
    click.echo(f"Done. Write `retention: {{keys: {{master: '{reference}'}}}}` into the configuration; the old master key opens nothing any more.")
