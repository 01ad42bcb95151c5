"""
`pointsman console`: the way into the console of a running gateway.
"""

from pathlib import Path

import click

from pointsman.cli.configuration import now_ms, settings_at
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json
from pointsman.server.first_visit import new_link


@click.group("console")
def command() -> None:
    """Get into the console of a running gateway."""


@command.command("link")
@config_option
@json_option
def link(path: Path, *, as_json: bool) -> None:
    """Print a link that leads into the console once, within fifteen minutes. The one before leads in no more."""
    settings = settings_at(path)
    login = settings.identity.login
    if login is not None:
        raise Wrong(f"People sign in through `{login.issuer.issuer}` here. Open {login.url}/console.")
    told = new_link(path.parent / settings.identity.kept_in, settings.server.admin, now_s=now_ms() / 1000)
    if as_json:
        print_json({"link": told})
        return
    click.echo(told)
    note("It works once, within fifteen minutes, while the gateway runs.")
