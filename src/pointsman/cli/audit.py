"""
`pointsman audit`: whether the log is the one that was written, where data went, and what an auditor takes along.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import ledger_told, now_ms, settings_at
from pointsman.cli.options import Wrong, config_option, json_option, money, note, print_json, table, warn
from pointsman.core.errors import Unusable
from pointsman.ledger.audit.agreement import Agreement, agreement
from pointsman.ledger.audit.copying import FolderPlace, GitPlace, WitnessPlace, places_of
from pointsman.ledger.audit.erasure import all_salts, salt_of
from pointsman.ledger.audit.export import export, proof_of
from pointsman.ledger.audit.keys import history_of, key_notes, known_origin, rotate
from pointsman.ledger.audit.note import BadNote, Verifier, read_verifier
from pointsman.ledger.audit.record import AuditRecord
from pointsman.ledger.audit.trail import Trail, of_call, of_subject, of_unit
from pointsman.ledger.audit.verify import Report, StreamReport, Trust, verify
from pointsman.ledger.audit.witness import Answer, Witness
from pointsman.settings.ledger_place import Place
from pointsman.settings.load import Settings
from pointsman.settings.secrets import environment
from pointsman.storage.audit_copies import folder_name
from pointsman.storage.open import exists, name_of, open_reading

_MOST_BODY: Final = 65_536
_IDLE_S: Final = 10.0

_folder_option: Any = click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="The folder of the log, if it is not the configuration's."
)


def _keys(told: tuple[str, ...], option: str) -> list[Verifier]:
    try:
        return [read_verifier(word) for word in told]
    except BadNote as error:
        raise click.BadParameter(f"{error}. Copy the whole word that `pointsman audit keys` or the witness prints.", param_hint=option) from None


@click.group("audit")
def command() -> None:
    """Verify the audit log, and ask it where data went."""


# ── verify ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("verify", short_help="Check that the log is the one that was written.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), required=False)
@click.option("--outside", type=click.Path(path_type=Path, exists=True), multiple=True, help="A folder or file in which checkpoints were kept elsewhere.")
@click.option("--key", "keys", multiple=True, help="A key that must be in the log's history, as `pointsman audit keys` printed it before.")
@click.option("--witness", "witnesses", multiple=True, help="The key of a witness; one of them must have signed.")
@click.option("--database", help="A ledger to compare with: a file, a URL, or a reference to a URL.")
@config_option
@json_option
def verify_command(folder: Path | None, path: Path, *, database: str | None, as_json: bool, **told: Any) -> int:
    """
    Check records, links, tree, signatures and keys, against each other and against checkpoints that were kept elsewhere. Exit code 1 if anything is
    wrong; the first bad record is named.

    FOLDER is the log of a gateway or an exported one. Without it, it is the log of the configuration, with its copies and its ledger.
    """
    trust = Trust(outside=told["outside"], keys=_keys(told["keys"], "--key"), witnesses=_keys(told["witnesses"], "--witness"))
    ledger = None if database is None else ledger_told(database)
    if folder is None:
        settings = settings_at(path)
        folder = settings.folder / settings.audit.folder
        trust = _trust_of(settings, folder, told=trust)
        ledger = ledger or _existing(ledger_of(settings))
    try:
        found = verify(folder, trust)
    except OSError as error:
        raise Unusable(f"The log cannot be read: {error}. Name its folder, such as `pointsman audit verify pointsman.audit`.") from error
    compared = None if ledger is None else _compare(folder, ledger)
    if as_json:
        print_json({"good": found.is_good, **msgspec.to_builtins(found), "ledger": None if compared is None else msgspec.to_builtins(compared)})
    else:
        _tell_report(found, compared)
    return 0 if found.is_good and (compared is None or not compared.unrecorded) else 1


def _trust_of(settings: Settings, folder: Path, *, told: Trust) -> Trust:
    places = places_of(settings.audit.copies, settings.folder, environ=environment(), home=Path.home())
    name = folder_name(settings.audit.origin or (known_origin(folder)))
    kept = [place.path / name for place in places if isinstance(place, FolderPlace | GitPlace) and (place.path / name).is_dir()]
    witnesses = [place.key for place in places if isinstance(place, WitnessPlace) and place.key is not None]
    return Trust(outside=[*told.outside, *kept], keys=told.keys, witnesses=[*told.witnesses, *witnesses], origin=settings.audit.origin)


def _existing(ledger: Place) -> Place | None:
    return ledger if exists(ledger) else None


def _compare(folder: Path, ledger: Place) -> Agreement:
    try:
        with closing(open_reading(ledger)) as db:
            return agreement(folder, db)
    except sqlite3.Error as error:
        raise Unusable(f"The ledger `{name_of(ledger)}` cannot be read ({error}). Name that of a gateway with --database.") from error


def _tell_report(found: Report, compared: Agreement | None) -> None:
    total = sum(stream.records for stream in found.streams)
    state = "is whole" if found.is_good else "is NOT whole"
    click.echo(f"The log {found.origin} {state}: {total:,} records, {_counted(len(found.streams), 'stream')}, {_counted(len(found.keys), 'key')}.\n")
    if found.streams:
        click.echo(table(("stream", "records", "first", "last", "signed", "outside", "vouched for"), [_row(one) for one in found.streams]))
    for fault in found.faults:
        where = ", ".join([*([f"stream {fault.stream}"] if fault.stream else []), *([] if fault.record is None else [f"record {fault.record}"])])
        click.echo(f"\nWRONG{f' · {where}' if where else ''}: {fault.says} ({fault.code})")
    for stream in found.streams:
        for odd in stream.notes:
            note(f"note: stream {stream.name}: {odd}")
    if compared is not None:
        click.echo(f"\n{compared.both:,} calls sent data by the ledger and by this log.")
        if compared.unrecorded:
            click.echo(f"WRONG: {_counted(compared.unrecorded, 'call')} of the ledger sent data without a record here: {', '.join(compared.first)} …")
        if compared.unbooked:
            note(f"note: {_counted(compared.unbooked, 'call')} with a record here {'is' if compared.unbooked == 1 else 'are'} not in the ledger.")
    if found.is_good and not any(stream.pinned for stream in found.streams):
        warn(
            "No checkpoint from outside was compared. A log whose end was cut, or that was written anew with its key, would look just the same."
            " Name where checkpoints were copied to with --outside, or a witness with --witness."
        )


def _row(stream: StreamReport) -> tuple[str, ...]:
    vouched = "none" if not stream.pinned else f"0 to {stream.pinned - 1}"
    return stream.name, str(stream.records), _at(stream.first_ms), _at(stream.last_ms), str(stream.checkpoints), str(stream.outside), vouched


# ── trail ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("trail", short_help="Show where data went, under which policy, and who could have seen it.")
@click.option("--subject", help="A person, as `TENANT/USER`.")
@click.option("--unit", help="A business item, such as a ticket.")
@click.option("--request", "call_id", help="A call, by the id in its answer's header.")
@_folder_option
@config_option
@json_option
def trail(path: Path, *, folder: Path | None, as_json: bool, **asked: str | None) -> None:
    """Show the records about a person, a unit or a call in the order of time, and who could have seen the data."""
    if sum(told is not None for told in asked.values()) != 1 or "" in asked.values():
        raise click.UsageError("Ask for one of --subject, --unit and --request, by name.")
    folder = _folder(folder, path)
    found = _trail(folder, **asked)
    if as_json:
        print_json(msgspec.to_builtins(found))
    elif not found.records:
        note("There is no record of it. A person who was erased cannot be found, and a call leaves a record within a second.")
    else:
        _tell_trail(found)


def _trail(folder: Path, *, subject: str | None, unit: str | None, call_id: str | None) -> Trail:
    if subject is not None:
        tenant, slash, user = subject.partition("/")
        if not slash or not user:
            raise click.BadParameter(f"`{subject}` is no person. Write `TENANT/USER`, such as `default/{subject}`.", param_hint="--subject")
        salt = salt_of(folder, tenant, user=user)
        return Trail(records=(), targets=(), applications=(), people=()) if salt is None else of_subject(folder, salt)
    return of_unit(folder, unit, salts=all_salts(folder)) if unit is not None else of_call(folder, call_id or "")


def _tell_trail(found: Trail) -> None:
    for place in found.records:
        record = place.record
        click.echo(f"{_at(record.at_ms)}  {record.kind:<12} {' · '.join(_told(record))}  [{place.stream}:{place.number}]")
    click.echo("\nWho could have seen it:")
    for what, names in (("target", found.targets), ("application", found.applications), ("person", found.people)):
        for name in names:
            click.echo(f"  {what:<12} {name}")
    if not found.targets:
        click.echo("  No target outside of the gateway: nothing was sent.")


def _told(record: AuditRecord) -> list[str]:
    """Return what a record says, a phrase for each thing."""
    where = ", ".join(part for part in (record.vendor, record.region, record.zone) if part)
    findings = ", ".join(f"{kind} {count}" for kind, count in sorted(record.findings.items()))
    tokens = "" if record.tokens_in is None and record.tokens_out is None else f"tokens {record.tokens_in or 0}+{record.tokens_out or 0}"
    phrases = (
        record.target and f"to {record.target}{f' ({where})' if where else ''}",
        record.label and f"data {record.label}",
        findings and f"found {findings}",
        f"after {', '.join(record.met)}" if record.met else "",
        record.outcome,
        record.cache and f"from the answer of {record.cache}",
        record.actor and f"by {record.actor}",
        tokens,
        "" if record.cost_nano_usd is None else money(record.cost_nano_usd),
        record.policy and f"policy {record.policy}",
        record.call_id and f"call {record.call_id}",
        ", ".join(f"{name} {value}" for name, value in record.facts.items()),
    )
    return [phrase for phrase in phrases if phrase]


# ── what leaves the machine ─────────────────────────────────────────────────────────────────────────────────────────


@command.command("export", short_help="Copy the log for an auditor, with a verifier that needs nothing but Python.")
@click.argument("to", type=click.Path(path_type=Path, file_okay=False))
@_folder_option
@config_option
def export_command(to: Path, path: Path, *, folder: Path | None) -> None:
    """Copy the public files of the log to the new folder TO, and `verify.py` beside them. No private key and no key of a person goes along."""
    if to.exists() and any(to.iterdir()):
        raise Wrong(f"`{to}` is not empty. Name a new folder.")
    folder = _folder(folder, path)
    try:
        count = export(folder, to)
    except OSError as error:
        raise Unusable(f"The log cannot be copied: {error}. Name another folder.") from error
    note(f"Copied {count} files. The auditor runs `python3 {to}/verify.py {to} OUTSIDE`, with checkpoints that were kept elsewhere as OUTSIDE.")


@command.command("proof", short_help="Prove that one record is in the log.")
@click.option("--record", "number", type=click.IntRange(min=0), required=True, help="The number of the record in its stream.")
@click.option("--stream", default="0", show_default=True, help="The stream.")
@_folder_option
@config_option
@json_option
def proof(path: Path, *, number: int, stream: str, folder: Path | None, as_json: bool) -> None:
    """Print a proof (C2SP tlog-proof) on standard output, and the record that it is about on standard error."""
    if not stream.isdecimal():
        raise click.BadParameter(f"`{stream}` is no stream. `pointsman audit verify` lists them.", param_hint="--stream")
    found = proof_of(_folder(folder, path), stream, number=number)
    if as_json:
        print_json({"record": found.line.decode("utf-8", "replace"), "proof": found.text})
        return
    note(found.line.decode("utf-8", "replace"))
    click.echo(found.text, nl=False)


@command.command("keys", short_help="Show the keys that sign the log.")
@_folder_option
@config_option
@json_option
def keys(path: Path, *, folder: Path | None, as_json: bool) -> None:
    """Show the keys that have signed the log, the one in force last, as words that verifiers and witnesses take."""
    folder = _folder(folder, path)
    origin = known_origin(folder)
    try:
        found = [Verifier(name=origin, public=key).text for key in history_of(key_notes(folder), origin)]
    except ValueError as error:
        raise Wrong(f"The history of keys does not hold together: {error}. Run `pointsman audit verify`.") from error
    if as_json:
        print_json({"origin": origin, "keys": found})
        return
    for word in found:
        click.echo(word)


@command.command("rotate-key", short_help="Let another key sign the log from now on.")
@_folder_option
@config_option
def rotate_key(path: Path, *, folder: Path | None) -> None:
    """Make another signing key and hand over to it. A gateway that runs takes it up with its next checkpoint; give it to auditors and witnesses."""
    folder = _folder(folder, path)
    origin = known_origin(folder)
    made = rotate(folder, origin, at_ms=now_ms())
    note(f"Key {made.number} signs from now on. Give it to auditors and witnesses:")
    click.echo(Verifier(name=origin, public=made.signer.public).text)


# ── a witness ───────────────────────────────────────────────────────────────────────────────────────────────────────


@command.command("witness", short_help="Be a witness for the logs of other gateways.")
@click.option("--listen", default="127.0.0.1:8810", show_default=True, help="Address and port.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("pointsman.witness"), show_default=True, help="Where it remembers.")
@click.option("--name", default="pointsman.local/witness", show_default=True, help="Its name in signatures.")
@click.option("--log", "logs", multiple=True, required=True, help="A log's key, as `pointsman audit keys` prints it; may be given again.")
def witness(listen: str, folder: Path, *, name: str, logs: tuple[str, ...]) -> None:
    """Remember the last checkpoint of each log, and sign only what continues it (C2SP tlog-witness). Best on another machine, by other people."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"`{listen}` is no address. Write it like `127.0.0.1:8810`.", param_hint="--listen")
    judge = Witness(folder, name=name, logs=_keys(logs, "--log"), wall_s=lambda: now_ms() // 1000)
    try:
        server = ThreadingHTTPServer((host, int(port)), _handler(judge))
    except (OSError, OverflowError) as error:
        raise Unusable(f"Cannot listen on {listen} ({error}). Choose another address.") from error
    note(f"Witness on http://{host}:{server.server_port}. Configure it at the gateway with this key, and give the key to auditors:")
    click.echo(judge.key.text)
    with closing(server.socket):
        server.serve_forever(poll_interval=0.2)


def _handler(judge: Witness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request to the witness."""

        timeout = _IDLE_S

        def do_POST(self) -> None:
            """Judge a checkpoint."""
            size = self.headers.get("content-length", "")
            if self.path != "/add-checkpoint":
                self._answer(Answer(404, "A witness has one route: POST /add-checkpoint.\n"))
            elif not size.isdecimal() or int(size) > _MOST_BODY:
                self._answer(Answer(413, "The request is too large, or does not tell its length.\n"))
            else:
                self._answer(judge.add_checkpoint(self.rfile.read(int(size)).decode("utf-8", "replace")))

        def _answer(self, answer: Answer) -> None:
            body = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("content-type", answer.kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library names it
            """Say nothing: what a witness knows is in its folder."""

    return Handler


def _folder(told: Path | None, path: Path) -> Path:
    if told is None:
        settings = settings_at(path)
        told = settings.folder / settings.audit.folder
    known_origin(told)
    return told


def _at(at_ms: int | None) -> str:
    return "-" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
