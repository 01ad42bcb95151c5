"""
The command line. Each command is a module that is imported only when it is used, so that `--help` answers at once.

Exit codes: 0 done · 1 something is wrong with what was given (mistakes in a file, nothing found) · 2 wrong usage · 3 the installation or a server failed ·
4 policy or a limit said no.
"""

import importlib
import sys
from typing import Final

import click

from pointsman.core.errors import PointsmanError, Refused, SettingsInvalid

EXIT_MISTAKES: Final = 1
EXIT_FAILED: Final = 3
EXIT_REFUSED: Final = 4

# Name → (module, one line). The help text stands here so that listing commands imports none of them.
_COMMANDS: Final = {
    "init": "Write a working pointsman.yaml for what this machine has.",
    "check": "Check a configuration without starting.",
    "up": "Start the gateway.",
    "demo": "Show everything at work, with a simulated vendor.",
    "ask": "Ask a capability, and watch the answer arrive.",
    "explain": "Show where a call would go and why, without sending it.",
    "report": "Print cost per outcome by capability.",
    "keys": "Make, rotate, revoke and list keys.",
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of a first day."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        return importlib.import_module(f"pointsman.cli.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pointsman", message="pointsman %(version)s")
def root() -> None:
    """Pointsman: one endpoint for AI that runs in many places."""


def main() -> None:
    """Run a command; errors of ours become a message and an exit code."""
    try:
        root(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except PointsmanError as error:
        click.echo(error.message, err=True)
        sys.exit(_exit_code(error))


def _exit_code(error: PointsmanError) -> int:
    if isinstance(error, SettingsInvalid):
        return EXIT_MISTAKES
    if isinstance(error, Refused):
        return EXIT_REFUSED
    return EXIT_FAILED


if __name__ == "__main__":
    main()
