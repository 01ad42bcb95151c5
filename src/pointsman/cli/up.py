"""
`pointsman up`: start the gateway.
"""

import logging
import sys
from pathlib import Path

import click

from pointsman.app.gateway import Gateway
from pointsman.cli.options import config_option, json_option, print_json
from pointsman.server.workers import run
from pointsman.settings.secrets import environment


@click.command("up")
@config_option
@json_option
def command(path: Path, *, as_json: bool) -> None:
    """Start the gateway and serve until Ctrl-C."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

    def ready(gateway: Gateway) -> None:
        snapshot = gateway.stages.snapshot
        if as_json:
            print_json({"ready": True, "snapshot": snapshot.digest, "capabilities": list(snapshot.capabilities)})
            return
        click.echo(f"Pointsman answers · snapshot {snapshot.digest} · capabilities: {', '.join(snapshot.capabilities)}")
        for missing in gateway.missing:
            click.echo(f"  warning: {missing.message}", err=True)

    run(path, environ=environment(), ready=ready)
