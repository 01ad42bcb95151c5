"""
`pointsman learn`: learn from what became of answers, and show what is known of each target.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from pointsman.app.auditing import witness_of_reading
from pointsman.app.learned import parameters_of, pointer_of, reader_of
from pointsman.app.learning import DRY, Learner, Reading, Round, nothing
from pointsman.cli.configuration import now_ms, prices_now, settings_at
from pointsman.cli.embedding import making
from pointsman.cli.kept import Kept, audited, kept, told_to, who
from pointsman.cli.options import config_option, json_option, note, print_json, say, table
from pointsman.control.learning.known import Known, known
from pointsman.control.learning.version import Version, version_at
from pointsman.core.money import dollars
from pointsman.ledger.audit.record import Kind
from pointsman.ledger.audit.writer import AuditLog
from pointsman.ledger.content.store import ContentStore


@click.command("learn")
@click.option("--once", is_flag=True, help="Learn what was told since the last time, now, and put it in force.")
@click.option("--anew", is_flag=True, help="Forget what was learned, and learn from the whole ledger.")
@click.option("--dry-run", is_flag=True, help="Say what would be learned, and change nothing.")
@click.option("--show", is_flag=True, help="Show what is known of each target. This is what happens without any option.")
@config_option
@json_option
def command(path: Path, *, once: bool, anew: bool, dry_run: bool, show: bool, as_json: bool) -> None:
    """
    Learn from outcomes, reviews and scores, or show what is known of each target in each capability.

    A running gateway learns by itself, as often as `learning.every` says, and takes up what is learned here within a second.
    """
    settings = settings_at(path)
    if once or anew or dry_run:
        with kept(path) as files, audited(settings) as log, _content(files, log) as read:
            learner = Learner(lambda: settings, price_of=prices_now().of, now_ms=now_ms, read=read, by=who(), make=making)
            found = learner.round(by_hand=True, anew=anew, dry=dry_run)
            if found.is_new:
                told_to(log, Kind.ADMIN, tenant="", facts={"what": "learned", "parameters": found.version.parameters, "labels": found.version.labels})
        if not show:
            _tell_round(found, as_json=as_json)
            return
        settings = settings_at(path)
    parameters = parameters_of(settings)
    _show(version_at(pointer_of(settings)), known(parameters, embedder=reader_of(settings, parameters)), as_json=as_json)


@contextmanager
def _content(files: Kept, log: AuditLog) -> Generator[Reading]:
    """Yield how kept content is read, each time on record."""
    if not files.settings.retention.keeps_content:
        yield nothing
        return
    store = ContentStore(files.files.content, files.files.keys, seen=witness_of_reading(log, now_ms))
    try:
        yield partial(store.read, who=who())
    finally:
        store.close()


def _tell_round(found: Round, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if found.is_new:
        click.echo(f"Parameters `{found.version.parameters}` are in force from now on.")
    else:
        note(f"Nothing changed: {found.says}.")
    for sentence in found.version.why if found.is_new or found.says == DRY else ():
        say(f"  {sentence}", hang=2)


def _show(version: Version, rows: tuple[Known, ...], *, as_json: bool) -> None:
    if as_json:
        print_json({"version": version, "known": rows})
        return
    if not version.parameters:
        note("Nothing was learned yet. Choose a capability by value (`routing: {by: value}`), tell outcomes, and run `pointsman learn --once`.")
        return
    click.echo(f"Parameters `{version.parameters}`, in force since {version.made}, by {version.by}, from {version.labels:,} judgements.")
    for sentence in version.why:
        say(f"  {sentence}", hang=2)
    if rows:
        click.echo("")
        click.echo(table(("capability", "target", "quality", "90 % within", "judged", "cost", "seconds"), [_row(one) for one in rows]))


def _row(one: Known) -> tuple[str, ...]:
    cost = "unknown" if one.cost_nano_usd is None else dollars(round(one.cost_nano_usd))
    seconds = "unknown" if one.latency_s is None else f"{one.latency_s:.2f}"
    return one.capability, one.target, f"{one.quality:.2f}", f"{one.low:.2f}-{one.high:.2f}", f"{one.labels:,.0f}", cost, seconds
