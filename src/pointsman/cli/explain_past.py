"""
`pointsman explain --call`: why a call on record went where it went.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from msgspec.structs import asdict

from pointsman.app.explain import rehearsing
from pointsman.app.explain_past import Decided, Now, Past, explain_past
from pointsman.app.gateway import system_clock
from pointsman.app.switches import ledger_of
from pointsman.cli.configuration import settings_at
from pointsman.cli.options import Wrong, duration, money, note, print_json, say, table
from pointsman.core.routing import Weighed
from pointsman.decision.counterfactual import Change
from pointsman.decision.criteria import written
from pointsman.settings.secrets import environment
from pointsman.storage.open import open_reading

_MOST: Final = 3
_MS: Final = 1000
_ALWAYS: Final = 0.9995
_BY: Final[Mapping[str, str]] = {
    "then": "What would have changed it, by the criteria of then",
    "now": "What would have changed it, by the criteria of now (those of then are not on record)",
}


def tell_past(path: Path, call_id: str, *, as_json: bool) -> None:
    """Print the story of a call. Raises `Wrong` for one that is not on record."""
    settings = settings_at(path)
    with closing(open_reading(ledger_of(settings))) as db, rehearsing(settings, environ=environment(), clock=system_clock()) as rehearsal:
        found = explain_past(db, call_id, rehearsal=rehearsal)
    if found is None:
        raise Wrong(
            f"There is no call `{call_id[:64]}` on record. The id is that of the reply header `x-request-id`; a call is written within a second, "
            "and gone when its retention ends."
        )
    if as_json:
        print_json({**asdict(found), "decisions": found.decisions})
        return
    _tell(found)


def _tell(found: Past) -> None:
    at = datetime.fromtimestamp(found.started_ms / _MS, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    say(f"{found.capability} · {at} · {found.data_class} data · snapshot {found.snapshot}\n")
    where = f"It ran on `{found.target}` ({found.place})" if found.target else "Nothing was asked"
    took = duration(found.latency_ms / _MS)
    say(f"{where} and ended with `{found.status}`, after {took}, for {money(found.cost_nano_usd)}. The reason: {found.reason or 'none'}.")
    for one in found.decisions:
        _decision(one, criteria=found.criteria)
    if found.now is not None:
        _now(found, found.now)


def _now(found: Past, now: Now) -> None:
    if now.first is None:
        say(f"\nNow it would be refused (`{now.reason}`).")
        return
    trial = "" if now.probability > _ALWAYS else f", with a probability of {now.probability:.1%}"
    same = "again " if any(one.first == now.first for one in found.decisions) else ""
    say(f"\nNow it would {same}go to `{now.first}` first{trial} (`{now.reason}`), by what the ledger kept of it: its own words are not kept there.")


def _decision(one: Decided, *, criteria: str) -> None:
    if one.asked:
        say(f"\nThe request set `{written(one.asked)}`: by that it was weighed.")
    if one.weighed:
        by = f"parameters {one.learned[:8]}" if one.learned else "nothing learned"
        click.echo(f"\nWeighed with {by}:\n")
        click.echo(weighed_table(one.weighed, first=one.first))
    if one.vetoes:
        click.echo()
        for name, code in one.vetoes.items():
            say(f"  {name} was out: {code}.")
    click.echo()
    if one.mode != "policy":
        say(f"It was chosen as {one.mode}, with a probability of {one.propensity:.1%}. Without that `{one.first}` would have been asked first.")
    elif one.first != one.chosen and one.weighed:
        say(f"`{one.first}` was asked first; `{one.chosen}` answered after it.")
    if not one.weighed:
        note("It was chosen by the owner's order: nothing was weighed.")
    say_list(one.decisive, title="What decided it")
    say_changes(one.changes, title=_BY.get(criteria, ""))


def weighed_table(weighed: Sequence[Weighed], *, first: str | None) -> str:
    """Return candidates as a table, the first choice on top and then the worthiest."""
    header = ("", "target", "quality", "90 %", "price", "delay", "worth", "p", "why")
    ranked = sorted(weighed, key=lambda one: (one.target != first, -one.value_nano_usd))
    return table(header, [_row(one, best=ranked[0]) for one in ranked])


def say_changes(changes: Sequence[Change], *, title: str) -> None:
    """Print the nearest changes as sentences."""
    say_list([change.says for change in changes[:_MOST]], title=title)


def say_list(sentences: Sequence[str], *, title: str) -> None:
    """Print sentences under a title, if there are any."""
    if sentences:
        say(f"{title}:")
        for one in sentences:
            say(f"  {one}", hang=2)


def _row(one: Weighed, *, best: Weighed) -> tuple[str, ...]:
    return (
        "*" if one is best else "",
        one.target,
        f"{one.quality:.3f}",
        f"{one.low:.2f}-{one.high:.2f}",
        money(one.cost_nano_usd),
        "unknown" if one.latency_ms is None else duration(one.latency_ms / _MS),
        money(one.value_nano_usd),
        f"{one.probability:.1%}",
        one.reason or ("worth less" if one.value_nano_usd < best.value_nano_usd else "-"),
    )
