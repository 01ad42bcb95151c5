"""
`pointsman check`: read a configuration as the gateway would, and say what it means.
"""

from pathlib import Path

import click
import msgspec

from pointsman.app.outlets import Outlets
from pointsman.cli.choice_warnings import tell_unmet, unmet
from pointsman.cli.configuration import ladder_of, settings_at, without_price
from pointsman.cli.options import config_option, json_option, print_json, say, table, warn
from pointsman.cli.policy_warnings import surprises, tell_surprises
from pointsman.core.capability import Capability
from pointsman.core.errors import CredentialMissing
from pointsman.core.snapshot import Snapshot
from pointsman.core.target import Target
from pointsman.ledger.audit.copying import default_place
from pointsman.settings.load import Settings, schema_json
from pointsman.settings.secrets import environment
from pointsman.transport.bounds import Bounds


@click.command("check")
@config_option
@click.option("--schema", "wants_schema", is_flag=True, help="Print the JSON Schema of the file, for editors.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a credential is missing.")
@json_option
def command(path: Path, *, wants_schema: bool, strict: bool, as_json: bool) -> int:
    """Check a configuration without starting: every mistake at once, each with its line and what to do."""
    if wants_schema:
        click.echo(schema_json().decode())
        return 0
    settings = settings_at(path)
    snapshot = settings.snapshot
    missing, unpriced = _missing(settings), without_price(snapshot)
    if as_json:
        found = _as_data(path, snapshot, missing=missing, unpriced=unpriced)
        print_json({**found, "audit_copies": _copies(settings), **msgspec.structs.asdict(surprises(settings)), "unmet": unmet(settings)})
    else:
        _tell(path, snapshot)
        _tell_copies(settings)
        _warn(snapshot, missing=missing, unpriced=unpriced)
        tell_surprises(surprises(settings))
        tell_unmet(unmet(settings), settings)
    return 1 if strict and missing else 0


def _missing(settings: Settings) -> list[CredentialMissing]:
    outlets = Outlets(folder=settings.folder, environ=environment(), bounds=Bounds())
    try:
        return outlets.connect(settings.snapshot)[1]
    finally:
        outlets.close()


def _copies(settings: Settings) -> list[str]:
    """Return where checkpoints of the audit log are copied to."""
    if settings.audit.copies:
        return list(settings.audit.copies)
    return [f"file:{default_place(environment(), Path.home()).path}"]


def _tell_copies(settings: Settings) -> None:
    """Say what vouches for the audit log: by default only a folder on the same machine does."""
    told = f"\nThe audit log's checkpoints are copied to {', '.join(_copies(settings))}"
    say(told + ("." if settings.audit.copies else ", on this machine only. Name another disk, a repository or a witness under `audit.copies`."))


def _as_data(path: Path, snapshot: Snapshot, *, missing: list[CredentialMissing], unpriced: list[Target]) -> dict[str, object]:
    return {
        "ok": True,
        "file": str(path),
        "snapshot": snapshot.digest,
        "capabilities": {
            name: {
                "ladder": [target.name for target in capability.ladder],
                "cache_ttl_s": None if capability.cache is None else capability.cache.ttl_s,
                "rules": capability.rules,
                "data_class": capability.ceiling.name.lower(),
            }
            for name, capability in snapshot.capabilities.items()
        },
        "keys": [key.key_id for key in snapshot.keys],
        "limits": [limit.name for limit in snapshot.limits],
        "missing_credentials": [error.message for error in missing],
        "without_price": [target.name for target in unpriced],
        "price_coverage": _coverage(snapshot, unpriced),
    }


def _tell(path: Path, snapshot: Snapshot) -> None:
    click.echo(f"{path} is good · snapshot {snapshot.digest} · {_counted(len(snapshot.keys), 'key')} · {_counted(len(snapshot.limits), 'limit')}\n")
    click.echo(table(("capability", "data up to", "ladder"), [(name, one.ceiling.name.lower(), _way(one)) for name, one in snapshot.capabilities.items()]))


def _warn(snapshot: Snapshot, *, missing: list[CredentialMissing], unpriced: list[Target]) -> None:
    for error in missing:
        warn(error.message)
    if unpriced:
        warn(
            f"Prices are known for {_coverage(snapshot, unpriced):.0%} of the targets. The cost of calls is unknown at "
            f"{', '.join(f'`{target.name}`' for target in unpriced)}. Give each a `price` or `hardware` under `targets`."
        )


def _way(capability: Capability) -> str:
    before = [*(["rules"] if capability.rules is not None else []), *(["cache"] if capability.cache is not None else [])]
    return " → ".join([*before, ladder_of(capability)])


def _coverage(snapshot: Snapshot, unpriced: list[Target]) -> float:
    used = {target.name for capability in snapshot.capabilities.values() for target in capability.ladder}
    return 1 - len(unpriced) / len(used)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
