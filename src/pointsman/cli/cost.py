"""
`pointsman cost`: what was paid and what for. The commands stand in the modules beside this one.
"""

import click

from pointsman.cli.cost_shown import by_command, outcome_command


@click.group("cost")
def command() -> None:
    """Show what was paid and what for: allocation, cost per outcome, budgets, savings, what-if."""


for _part in (by_command, outcome_command):
    command.add_command(_part)
