"""
`pointsman router`: would choosing between models by what each is expected to do have paid, on one's own logs? Nothing is sent anywhere.

The commands stand in the modules beside this one.
"""

from typing import Final

import click

from pointsman.cli.router_decide import decide_command
from pointsman.cli.router_estimate import estimate_command
from pointsman.cli.router_evaluate import evaluate_command
from pointsman.cli.router_feedback import feedback_command
from pointsman.cli.router_store import fit_command, import_command

_COMMANDS: Final = (import_command, fit_command, evaluate_command, decide_command, feedback_command, estimate_command)

command: Final = click.Group("router", help="Import outcomes, learn from them, decide, and measure what choosing saves.", commands=_COMMANDS)
