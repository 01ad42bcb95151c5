"""
`pointsman identity`: shut people, workloads and tokens out, let them in again, and see what waits for approval.

It writes to the file that running gateways look at several times a second, so it takes effect within one.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pointsman.app.identity import TOKEN_S, ended_by, session_of
from pointsman.app.identity_approvals import agreed_by
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, table
from pointsman.intake.identity import Revoked
from pointsman.intake.sessions import Session
from pointsman.storage.identity_file import IdentityFile

_subject: Any = click.option("--subject", help="A person or workload: the `sub` of its tokens, or the name that people read.")
_token: Any = click.option("--token", help="One token, by its id (`jti`).")


@click.group("identity")
def command() -> None:
    """Shut people and tokens out, and see who is signed in."""


@command.command("revoke")
@_subject
@_token
@click.option("--session", help="One session, by its name from `pointsman identity show`.")
@config_option
@json_option
def revoke(path: Path, *, as_json: bool, **told: str | None) -> None:
    """Shut somebody or something out: within a second every worker refuses it."""
    kind, name = _one(told)
    now_s = now_ms() / 1000
    with _opened(path) as file:
        ended = ended_by(kind, name, sessions=_sessions(file))
        if kind == "session" and not ended:
            raise Wrong(f"There is no session `{name[:100]}`. `pointsman identity show` lists those there are.")
        if kind != "session":
            file.revoke(kind, name, now_s=now_s, until_s=now_s + TOKEN_S if kind == "token" else None)
        file.drop_sessions(ended)
    if as_json:
        print_json({"revoked": kind, "name": name, "sessions_ended": len(ended)})
    else:
        note(f"The {kind} `{name}` is shut out; {len(ended)} session(s) ended. Running gateways refuse it within a second.")


@command.command("restore")
@_subject
@_token
@config_option
@json_option
def restore(path: Path, *, as_json: bool, **told: str | None) -> None:
    """Let somebody in again who was shut out."""
    kind, name = _one(told)
    with _opened(path) as file:
        if not file.restore(kind, name):
            raise Wrong(f"The {kind} `{name[:100]}` is not shut out. `pointsman identity show` lists who is.")
    if as_json:
        print_json({"restored": kind, "name": name})
    else:
        note(f"The {kind} `{name}` may come in again.")


@command.command("show")
@config_option
@json_option
def show(path: Path, *, as_json: bool) -> None:
    """Show who is signed in, who is shut out, and which change of the configuration waits for approval."""
    told = settings_at(path).identity
    with _opened(path) as file:
        sessions, revoked, kept = _sessions(file), file.revoked(now_ms() / 1000), file.in_force()
        agreed = agreed_by(file.approvals(told.policy_digest), Revoked(subjects=revoked["subject"]))
    waits = told.policy_digest if kept is not None and kept[0] != told.policy_digest else None
    if as_json:
        shown = [{"session": one.public_id, "user": one.user, "groups": list(one.groups)} for one in sessions]
        shut_out = {kind: sorted(names) for kind, names in revoked.items()}
        print_json({"sessions": shown, "revoked": shut_out, "waits_for_approval": waits, "approved_by": list(agreed.values()) if waits else []})
        return
    click.echo(table(("session", "user", "groups"), [(one.public_id, one.user, ", ".join(one.groups)) for one in sessions]))
    for kind, names in revoked.items():
        for name in sorted(names):
            click.echo(f"shut out: {kind} {name}")
    if waits is not None:
        click.echo(f"waits for approval: {waits}, approved by {', '.join(agreed.values()) or 'nobody'}")


@contextmanager
def _opened(path: Path) -> Generator[IdentityFile]:
    file = IdentityFile(path.parent / settings_at(path).identity.kept_in)
    try:
        yield file
    finally:
        file.close()


def _one(told: dict[str, str | None]) -> tuple[str, str]:
    named = [(kind, name) for kind, name in told.items() if name]
    if len(named) != 1:
        raise click.UsageError(f"Name one of {', '.join(f'--{kind}' for kind in told)}.")
    return named[0]


def _sessions(file: IdentityFile) -> list[Session]:
    return [session_of(told, seen_s) for told, seen_s in file.sessions()]
