"""
`pointsman demo`: everything at work on a machine with nothing but Python.
"""

from typing import Any

import click

from pointsman.cli.demonstration.session import Wishes, run
from pointsman.cli.options import json_option


@click.command("demo")
@json_option
@click.option("--once", is_flag=True, help="Send one workload as fast as it is answered, then end.")
@click.option("--seconds", type=click.IntRange(1, 3600), default=None, help="Send a workload for so long, then end. Without: for a minute, then stay.")
@click.option("--stay", is_flag=True, help="Keep the gateway after the workload, until Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65_535), default=None, help="The gateway's port; by default 8800, or a free one if that is taken.")
@click.option("--days", type=click.IntRange(0, 60), default=None, help="Days of history to begin with; by default 14 where the demo stays, else none.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, hidden=True)
def command(**wished: Any) -> None:
    """
    Show everything at work, with simulated vendors.

    Writes a configuration into `.pointsman-demo/`, lives through two weeks of a small web shop with a simulated clock, starts three simulated vendors and the
    gateway, and sends tickets, contracts, leads and invoices through it over real HTTP while a table shows who answered and what it cost. Midway one vendor
    fails. Then the gateway stays for you to try, with its console, until Ctrl-C.
    """
    run(Wishes(**wished))
