"""
`pointsman up`: start the gateway.
"""

import importlib
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import click
from starlette.routing import BaseRoute

from pointsman.app.gateway import Gateway
from pointsman.cli.configuration import ladder_of, settings_at
from pointsman.cli.init import begin
from pointsman.cli.options import config_option, json_option, print_json, warn
from pointsman.core.errors import Unusable
from pointsman.core.snapshot import Snapshot
from pointsman.server.admin_guard import Guard
from pointsman.server.first_visit import new_link
from pointsman.server.serve import Beside
from pointsman.server.workers import run
from pointsman.settings.secrets import environment
from pointsman.settings.shape import Server
from pointsman.telemetry.logs import log_to


@click.command("up")
@config_option
@json_option
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True, help="How much is logged.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How logs are written: for people, or one JSON object a line."
)
def command(path: Path, *, as_json: bool, log_level: str, log_format: str) -> None:
    """
    Start the gateway and serve until Ctrl-C. A change of the file takes effect by itself.

    Without a file, one is written for the vendor keys and model servers that this machine has, as `pointsman init` does.
    """
    if importlib.import_module("pointsman.control.snapshots.restore").finish(path):
        warn("A roll-back that was cut short is complete now.")
    if not path.exists():
        begin(path)
    log_to(sys.stderr, logging.getLevelNamesMapping()[log_level.upper()], as_json=log_format == "json")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # that the admin listener starts is no news
    server = settings_at(path).server

    def ready(gateway: Gateway) -> None:
        if as_json:
            print_json(_as_data(gateway, server))
        else:
            _tell(gateway, server)

    run(path, environ=environment(), ready=ready, beside=Beside(more=console, jobs=jobs))


def console(gateway: Gateway, guard: Guard) -> Sequence[BaseRoute]:
    """Return the routes over the rooms and of the console. Imported when somebody first asks: the gateway's start and memory know nothing of them."""
    control = importlib.import_module("pointsman.app.control").Control(gateway)
    api = importlib.import_module("pointsman.server.api.routes").routes(control, guard)
    return [*api, *importlib.import_module("pointsman.console.routes").routes(control, guard)]


def jobs(gateway: Gateway) -> Sequence[tuple[float, Callable[[], Awaitable[None]]]]:
    """Return what goes on beside the calls: objectives and budgets are watched, licences charged, days sealed."""
    return importlib.import_module("pointsman.app.rooms").Rooms(gateway).jobs()


def _link(gateway: Gateway, server: Server) -> str:
    """Return how people get into the console: a link that works once, or its address where they sign in through a provider."""
    login = gateway.standing.current.told.login
    if login is not None:
        return f"{login.url}/console"
    try:
        return new_link(gateway.standing.path, server.admin, now_s=gateway.standing.now_s)
    except Unusable as error:  # calls are answered all the same
        warn(f"No link into the console can be made. {error.message}")
        return f"http://{server.admin}/console"


def _as_data(gateway: Gateway, server: Server) -> dict[str, object]:
    snapshot = gateway.stages.snapshot
    return {
        "ready": True,
        "url": _url(server),
        "admin": f"http://{server.admin}",
        "console": _link(gateway, server),
        "snapshot": snapshot.digest,
        "capabilities": {name: [target.name for target in capability.ladder] for name, capability in snapshot.capabilities.items()},
        "missing_credentials": [error.message for error in gateway.missing],
    }


def _tell(gateway: Gateway, server: Server) -> None:
    snapshot = gateway.stages.snapshot
    click.echo(f"Pointsman answers at {_url(server)}")
    click.echo(f"Its console opens at {_link(gateway, server)}\n")
    told = {"administration": f"http://{server.admin}", "snapshot": snapshot.digest, "ledger": server.database, "workers": str(server.workers)}
    told.update({name: ladder_of(capability) for name, capability in snapshot.capabilities.items()})
    for name, what in told.items():
        click.echo(f"  {name:<{max(map(len, told))}}  {what}")
    click.echo("\nTry it:\n  " + " \\\n    ".join(_curl(snapshot, server)) + "\n")
    for missing in gateway.missing:
        warn(f"{missing.message} Its targets are passed over.")
    if gateway.stages.intake.is_open:
        warn("There are no keys: anybody on this machine may call. Make one with `pointsman keys create NAME`.")


def _url(server: Server) -> str:
    return f"{'https' if server.tls is not None else 'http'}://{server.listen}"


def _curl(snapshot: Snapshot, server: Server) -> Iterator[str]:
    yield f"curl {_url(server).replace('0.0.0.0', '127.0.0.1')}/v1/chat/completions"  # noqa: S104 - an address to show
    yield "-H 'content-type: application/json'"
    if snapshot.keys:
        yield '-H "authorization: Bearer $POINTSMAN_KEY"'
    yield f"""-d '{{"model":"{next(iter(snapshot.capabilities))}","messages":[{{"role":"user","content":"Hi"}}]}}'"""
