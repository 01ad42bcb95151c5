"""
`pointsman guarantee`: what is promised about quality, on which data, and when it lapses; and how a promise is proven.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from msgspec import Struct
from msgspec.structs import replace

from pointsman.app.guarantee import Desk
from pointsman.app.learned import folder_of, parameters_of, pointer_of
from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import now_ms, prices_now, settings_at
from pointsman.cli.kept import who
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, say, span_s, warn
from pointsman.control.evaluation.tables import Fault, opened
from pointsman.control.guarantee.certify import Terms
from pointsman.control.guarantee.observed import Observed, of_table
from pointsman.control.guarantee.told import Stated, promise, why_not
from pointsman.control.learning.version import LEDGER, put_in_force, version_at
from pointsman.core.errors import BadRequest
from pointsman.decision.guarantee.certificate import Certificate
from pointsman.decision.guarantee.sequence import Proof
from pointsman.decision.guarantee.split import is_kept_apart
from pointsman.decision.prediction.parameters import Parameters, encode
from pointsman.settings.load import Settings
from pointsman.storage.open import exists, open_reading

_SHOW: Final = "show"
_MS: Final = 1000
_LISTED: Final = 5


class _Group(click.Group):
    """A group whose first word may be the name of a capability."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what is no command and no call for help as what is to be shown."""
        is_told = bool(args) and (args[0] in self.commands or args[0] in ("-h", "--help"))
        return super().parse_args(ctx, args if is_told else [_SHOW, *args])


@click.group("guarantee", cls=_Group)
def command() -> None:
    """
    Show what is promised about quality: `pointsman guarantee [CAPABILITY] [--json]`.

    For each capability that is chosen by value: how much quality may be lost at most against its incumbent and how sure that is, on which data it was proven,
    for which traffic it holds, when it lapses; and where nothing is promised, why not and how many pairs are missing.
    """


@command.command(_SHOW, hidden=True)
@click.argument("capability", required=False)
@config_option
@json_option
def show(path: Path, *, capability: str | None, as_json: bool) -> None:
    """Show what is promised."""
    settings = settings_at(path)
    desk = Desk(settings, parameters_of(settings), price_of=prices_now().of, now_ms=now_ms())
    names = sorted(desk.routed()) if capability is None else [_routed(desk, capability)]
    found = _states(desk, names)
    if as_json:
        print_json({"guarantees": found})
        return
    if not found:
        note("No capability is chosen by value, so every incumbent answers and nothing needs a promise. Write `routing: {by: value}` under one.")
    for one in found:
        click.echo(f"{one.capability}: {'in force' if one.in_force else 'not in force'} ({one.reason})")
        for sentence in one.says:
            say(f"  {sentence}", hang=2)


@command.command("calibrate")
@click.argument("capability")
@click.option("--from", "table", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A table of an evaluation: prompt, model, score.")
@click.option("--shadows", is_flag=True, help="The pairs that shadow calls made, in the ledger.")
@click.option("--loss", type=click.FloatRange(0.001, 0.5), help="How much quality may be lost at most, 0..1. By default `routing.not_worse_by`.")
@click.option("--sure", type=click.FloatRange(0.5, 0.999), help="How sure that must be. By default `routing.sure`.")
@click.option("--lasts", default="30d", show_default=True, help="How long the promise lasts, such as `30d`.")
@click.option("--dry-run", is_flag=True, help="Say what would be promised, and change nothing.")
@config_option
@json_option
def calibrate(path: Path, *, capability: str, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """
    Prove how much of CAPABILITY may leave its incumbent, and put that in force.

    The models of a table are named as the targets of the capability are. What is learned from proves nothing: of shadow calls those count that were kept apart.
    """
    if (asked["table"] is None) == (not asked["shadows"]):
        raise click.UsageError("Say where the pairs come from: `--from FILE`, or `--shadows`.")
    wish = _Wish(loss=asked["loss"], sure=asked["sure"], lasts_ms=_span_ms(asked["lasts"]), table=asked["table"])
    settings = settings_at(path)
    desk = Desk(settings, parameters_of(settings), price_of=prices_now().of, now_ms=now_ms())
    name = _routed(desk, capability)
    if not desk.parameters.cells:
        raise Wrong("Nothing was learned yet, so nothing predicts where quality is kept. Run `pointsman learn --once` first.")
    terms = _terms(desk, name, wish=wish)
    told = _observed(desk, name, wish=wish)
    found = desk.certify(told, terms)
    if isinstance(found, Proof):
        raise Wrong(f"Nothing can be promised for `{name}`. {why_not(found, loss=terms.loss, sure=terms.sure)}")
    if not dry_run:
        _put(settings, found, parameters=desk.keep(found, told if wish.table is not None else ()))
    _tell(desk, found, dry_run=dry_run, as_json=as_json)


class _Wish(Struct, frozen=True, kw_only=True):
    """What is to be promised, as far as it was said, and from which table; None from shadow calls."""

    loss: float | None
    sure: float | None
    lasts_ms: int
    table: Path | None


def _routed(desk: Desk, name: str) -> str:
    if name not in desk.settings.snapshot.capabilities:
        raise Wrong(f"There is no capability `{name}`. `pointsman check` lists those of the configuration.")
    if name not in desk.routed():
        raise Wrong(f"`{name}` is tried in the order of its ladder, so nothing needs a promise. Write `routing: {{by: value}}` under it.")
    return name


def _span_ms(told: str) -> int:
    seconds = span_s(told)
    if not seconds:
        raise Wrong(f"`--lasts {told}` is no span of time. Give one such as `30d`.")
    return seconds * _MS


def _terms(desk: Desk, name: str, *, wish: _Wish) -> Terms:
    terms = desk.terms(name, desk.routed()[name], source="shadows" if wish.table is None else "evaluation")
    loss, sure = wish.loss or terms.loss, wish.sure or terms.sure
    if loss > terms.loss or sure < terms.sure:
        warn(
            f"`{name}` asks for a stricter promise (`not_worse_by` {terms.loss:.4g}, `sure` {terms.sure:.4g}): this one will not let calls leave its incumbent."
        )
    if not terms.targets:
        raise Wrong(f"`{name}` has no target beside its incumbent. Add one to its ladder.")
    return replace(terms, loss=loss, sure=sure, lapses_ms=terms.made_ms + wish.lasts_ms)


def _observed(desk: Desk, name: str, *, wish: _Wish) -> Sequence[Observed]:
    if wish.table is None:
        place = ledger_of(desk.settings)
        if not exists(place):
            return ()
        with closing(open_reading(place)) as db:
            return desk.observed(db, name)
    routing = desk.routed()[name]
    found = of_table(_rows(wish.table, name), capability=name, task=routing.criteria.task, at_ms=now_ms())
    others = set(desk.terms(name, routing).targets)
    named = {target for one in found for target in one.scores}
    if not named & others or routing.incumbent.name not in named:
        raise Wrong(
            f"`{wish.table.name}` has no scores of both `{routing.incumbent.name}` and another target of `{name}`; its models are {_some(named)}. "
            "Name models in the table as targets are named in the configuration."
        )
    if version_at(pointer_of(desk.settings)).source == LEDGER:
        return found
    return [one for one in found if is_kept_apart(one.key)]  # the parameters may have learned from this very table


def _rows(table: Path, name: str) -> Iterator[tuple[str, str, float]]:
    """Yield what a table says of this capability. Raises `BadRequest` for the first row that cannot be used."""
    for row in opened(table).read():
        if isinstance(row, Fault):
            raise BadRequest(f"row {row.row} of `{table.name}`, column `{row.column}`: {row.says}")
        if row.score is not None and row.capability in ("", name):
            yield row.prompt, row.model, row.score


def _some(names: set[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in sorted(names)[:_LISTED])
    return f"{listed}, …" if len(names) > _LISTED else listed or "none"


def _states(desk: Desk, names: Sequence[str]) -> list[Stated]:
    place = ledger_of(desk.settings)
    if not exists(place):
        return [desk.state(None, name) for name in names]
    with closing(open_reading(place)) as db:
        return [desk.state(db, name) for name in names]


def _put(settings: Settings, certificate: Certificate, *, parameters: Parameters) -> None:
    """Put the promise in force: the parameters are kept, and then named."""
    pointer, folder = pointer_of(settings), folder_of(settings)
    version = version_at(pointer)
    digest = folder.keep(encode(parameters))
    made = replace(
        version,
        parameters=digest,
        made=datetime.fromtimestamp(certificate.made_ms / _MS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        by=who(),
        why=(f"a promise was proven for `{certificate.capability}`: {certificate.share_elsewhere:.0%} may leave `{certificate.incumbent}`",),
        before=version.parameters,
    )
    put_in_force(pointer, made, folder=settings.folder)
    folder.note_newest(digest)


def _tell(desk: Desk, certificate: Certificate, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"certificate": certificate, "in_force": not dry_run})
        return
    routing = desk.routed()[certificate.capability]
    for sentence in promise(certificate, routing.checked):
        say(sentence)
    if dry_run:
        note("Nothing was put in force.")
    elif not routing.guarantee:
        warn(f"`{certificate.capability}` does not ask for a guarantee: write `guarantee: true` under its `routing`, or calls leave by prediction alone.")
