"""
`pointsman cost`: what was paid and what for. The commands stand in the modules beside this one.
"""

from typing import Final

import click

from pointsman.cli.cost_changes import reconcile_command, reprice_command, what_if_command
from pointsman.cli.cost_shown import by_command, outcome_command
from pointsman.cli.cost_watch import anomalies_command, budget_command, idle_command
from pointsman.cli.cost_worth import economics_command, savings_command

_COMMANDS: Final = (
    by_command,
    outcome_command,
    economics_command,
    budget_command,
    savings_command,
    idle_command,
    anomalies_command,
    what_if_command,
    reprice_command,
    reconcile_command,
)

command: Final = click.Group("cost", help="Show what was paid and what for: allocation, cost per outcome, budgets, savings, what-if.", commands=_COMMANDS)
