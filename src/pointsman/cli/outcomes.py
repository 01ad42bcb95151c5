"""
`pointsman outcomes import`: outcomes from a table, through a running gateway or straight into the ledger.
"""

import asyncio
import http.client
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import click
import msgspec

from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json
from pointsman.core.entry import Outcome
from pointsman.core.errors import BadRequest, Unusable
from pointsman.ledger.outcome_import import Row, rows_of
from pointsman.ledger.writer import Ledger
from pointsman.server.outcomes import Answered, ToldOutcome, outcome_of
from pointsman.settings.load import Settings
from pointsman.storage.batch import Batch

_AT_ONCE: Final = 500
_CONNECT_S: Final = 2.0
_ANSWER_S: Final = 60.0
_MOST_TOLD: Final = 50
_GOOD: Final = frozenset({200, 201, 400})


class _Said(msgspec.Struct):
    """What a gateway answers: each outcome in order, or one error."""

    outcomes: list[Answered] = []
    error: dict[str, Any] = {}


class _Way(Protocol):
    """How outcomes get into the ledger. Returns, for each row in order, why it was not kept; empty if it was."""

    def __call__(self, rows: Sequence[Row]) -> list[str]: ...


@click.group("outcomes")
def command() -> None:
    """Tell what became of business units."""


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--map", "mapped", multiple=True, metavar="FIELD=COLUMN,…", help="Which column holds a field, such as unit=ticket_id,kind=status.")
@click.option("--set", "constant", multiple=True, metavar="FIELD=VALUE", help="A value for every row, such as kind=resolved.")
@click.option("--url", envvar="POINTSMAN_URL", help="The gateway; by default that of the configuration, if it runs.")
@click.option("--key", envvar="POINTSMAN_KEY", help="A key with the scope `outcomes`. Better in POINTSMAN_KEY.")
@click.option("--offline", is_flag=True, help="Write into the ledger itself, whether or not a gateway runs.")
@click.option("--tenant", default="default", show_default=True, help="Whose units these are, when written offline.")
@config_option
@json_option
def import_(path: Path, *, file: Path, mapped: tuple[str, ...], constant: tuple[str, ...], offline: bool, as_json: bool, **told: Any) -> int:
    """
    Import outcomes from a CSV file with a header. Good rows are kept and bad ones told with their lines; a file may be imported again.

    Fields: unit, kind, success, id, workflow, capability, value_usd, at (a time) or at_ms, source, supersedes, reversed, human_minutes, queue.
    """
    url = None if offline else told["url"]
    if url is None and not offline:
        url = _running(settings_at(path))
    columns, constants = _pairs(mapped, "--map"), _pairs(constant, "--set", is_list=False)
    if url is not None:
        kept, bad = _all(file, columns, constants=constants, way=partial(_through_gateway, _line(url), key=told["key"]))
    else:
        settings = settings_at(path)
        ledger = Ledger(ledger_of(settings))
        ledger.use(settings.workflows)
        with closing(ledger):
            kept, bad = _all(file, columns, constants=constants, way=partial(_into_ledger, ledger, settings=settings, tenant=told["tenant"]))
    _tell(kept, bad, where=url or "the ledger", as_json=as_json)
    return 1 if bad else 0


def _all(file: Path, columns: Mapping[str, str], *, constants: Mapping[str, str], way: _Way) -> tuple[int, list[Row]]:
    kept = 0
    bad: list[Row] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for rows in _several(rows_of(lines, columns=columns, constants=constants)):
                bad += [row for row in rows if row.says]
                good = [row for row in rows if not row.says]
                for row, why in zip(good, way(good) if good else [], strict=True):
                    if why:
                        bad.append(Row(line=row.line, says=why))
                    else:
                        kept += 1
    except UnicodeDecodeError as error:
        raise Wrong(f"`{file}` is not UTF-8. Save it as UTF-8; {kept} rows before it were kept.") from error
    except BadRequest as error:
        raise Wrong(error.message) from error
    return kept, sorted(bad, key=lambda row: row.line)


def _several(rows: Iterable[Row]) -> Iterator[list[Row]]:
    each = iter(rows)
    while batch := list(islice(each, _AT_ONCE)):
        yield batch


def _pairs(told: Iterable[str], option: str, *, is_list: bool = True) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in told:
        for pair in text.split(",") if is_list else [text]:
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not (name and equals and value):
                raise click.BadParameter(f"`{pair}` is no pair. Write it like unit=ticket_id.", param_hint=option)
            found[name] = value
    return found


def _tell(kept: int, bad: Sequence[Row], *, where: str, as_json: bool) -> None:
    if as_json:
        print_json({"recorded": kept, "refused": len(bad), "where": where, "bad": [{"line": row.line, "says": row.says} for row in bad]})
        return
    click.echo(f"{kept} outcomes recorded in {where}.")
    for row in bad[:_MOST_TOLD]:
        note(f"line {row.line}: {row.says}")
    if len(bad) > _MOST_TOLD:
        note(f"… and {len(bad) - _MOST_TOLD} more. --json tells all of them.")
    if bad:
        note(f"{len(bad)} rows were left out. Correct them and import the file again: what was recorded counts once.")


# ── through a gateway ───────────────────────────────────────────────────────────────────────────────────────────────


def _running(settings: Settings) -> str | None:
    """Return the address of the gateway of this configuration, if it runs."""
    host, _, port = settings.server.listen.rpartition(":")
    scheme = "http" if settings.server.tls is None else "https"
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - whoever listens everywhere is asked on this machine
    url = f"{scheme}://{host}:{port}"
    connection = _line(url)
    try:
        with closing(connection):
            connection.request("GET", "/livez")
            return url if b'"alive"' in connection.getresponse().read() else None
    except (OSError, http.client.HTTPException):
        return None


def _line(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Wrong(f"`{url}` is no address of a gateway. Write it like http://127.0.0.1:8800.")
    kind: Callable[..., http.client.HTTPConnection] = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=_CONNECT_S)


def _through_gateway(connection: http.client.HTTPConnection, rows: Sequence[Row], *, key: str | None) -> list[str]:
    headers = {"content-type": "application/json", **({} if key is None else {"authorization": f"Bearer {key.strip()}"})}
    body = msgspec.json.encode({"outcomes": [row.told for row in rows]})
    connection.timeout = _ANSWER_S
    try:
        with closing(connection):  # it is opened again with the next request
            connection.request("POST", "/v1/outcomes", body, headers)
            answer = connection.getresponse()
            said = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"The gateway did not answer ({error}). Start it with `pointsman up` and import the file again, or use --offline.") from error
    try:
        told = msgspec.json.decode(said, type=_Said)
    except msgspec.DecodeError as error:
        raise Wrong(f"What answers there is no gateway (status {answer.status}). Name the address that applications call with --url.") from error
    if answer.status not in _GOOD or len(told.outcomes) != len(rows):
        raise Wrong(f"The gateway refused: {told.error.get('message', f'status {answer.status}')}")
    return ["" if one.recorded else one.message or "The gateway refused it." for one in told.outcomes]


# ── into the ledger ─────────────────────────────────────────────────────────────────────────────────────────────────


def _into_ledger(ledger: Ledger, rows: Sequence[Row], *, settings: Settings, tenant: str) -> list[str]:
    says: list[str] = []
    outcomes: list[Outcome] = []
    for row in rows:
        try:
            told = msgspec.convert(row.told, ToldOutcome, strict=False)
            outcomes.append(outcome_of(told, tenant=tenant, new_id=str, now_ms=now_ms(), workflows=settings.workflows.keys()))
            says.append("")
        except BadRequest as error:
            says.append(error.message)
    asyncio.run(ledger.record(Batch(outcomes=outcomes)))
    return says
