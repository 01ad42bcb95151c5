"""
`pointsman erase`: forget a person for good, on record.
"""

from pathlib import Path

import click
import msgspec

from pointsman.cli.configuration import now_ms
from pointsman.cli.kept import Kept, audited, kept, parted, told_to
from pointsman.cli.options import config_option, json_option, note, print_json
from pointsman.ledger.audit.erasure import forget
from pointsman.ledger.audit.record import Kind
from pointsman.ledger.audit.writer import AuditLog
from pointsman.ledger.content.erasure import Erased, erase, plan
from pointsman.storage.keys import Tombstone


@click.command("erase")
@click.option("--subject", required=True, help="Who: `TENANT/USER`, the user as applications name it in `x-pointsman-user` or a token proves it.")
@click.option("--dry-run", is_flag=True, help="Tell what would go, and change nothing.")
@config_option
@json_option
def command(path: Path, *, subject: str, dry_run: bool, as_json: bool) -> None:
    """
    Erase a person: the key of what they said is destroyed, what was derived from it deleted, their name taken out of the ledger, and a tombstone put on
    record. Sums stay right. It cannot be undone, and restoring a backup does not undo it either.

    The gateway may run meanwhile. Large ledgers are rewritten, for which calls may wait for some seconds.
    """
    tenant, user = parted(subject, what="subject")
    with kept(path) as found:
        if dry_run:
            done = plan(found.files, tenant, user=user, now_ms=now_ms())
        else:
            with audited(found.settings) as log:
                done = _erase(found, log, tenant=tenant, user=user)
    if as_json:
        print_json({"dry_run": dry_run, **msgspec.structs.asdict(done)})
        return
    _tell(done, dry_run=dry_run)


def _erase(found: Kept, log: AuditLog, *, tenant: str, user: str) -> Erased:
    def told(stone: Tombstone) -> None:
        folder = found.settings.folder / found.settings.audit.folder
        if not forget(folder, tenant, user=user, at_ms=stone.erased_ms, append=log.append):  # the audit log never met this user
            told_to(log, Kind.ERASED, tenant=tenant, facts={"content_subject": stone.subject})

    return erase(found.files, tenant, user=user, now_ms=now_ms(), told=told)


def _tell(done: Erased, *, dry_run: bool) -> None:
    verb = "Would erase" if dry_run else "Erased"
    click.echo(
        f"{verb} {done.content} kept contents, the name in {done.calls} calls and {done.units} units, and the key in {done.copies} copies of the keys of"
        f" a subject of `{done.tenant}`."
    )
    if not dry_run:
        note("Restore backups with the keys of today: then the subject stays erased. `pointsman retention drill --backup FOLDER` proves it.")
