"""
The command line. Each command is a module that is imported only when it is used, so that `--help` answers at once.

Exit codes: 0 done · 1 something is wrong with what was given (mistakes in a file, a name that leads nowhere) · 2 wrong usage · 3 the
installation or a server failed · 4 policy or a limit said no · 130 stopped by Ctrl-C.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Final

import click

from pointsman.cli.options import note, print_json
from pointsman.core.errors import BadRequest, PointsmanError, Refused

EXIT_MISTAKES: Final = 1
EXIT_FAILED: Final = 3
EXIT_REFUSED: Final = 4
EXIT_STOPPED: Final = 130

_EXIT_CODES: Final = {
    "0": "done",
    "1": "something is wrong with what was given, such as a mistake in a file",
    "2": "wrong usage",
    "3": "the installation or a server failed",
    "4": "policy or a limit said no",
    "130": "stopped by Ctrl-C",
}

# By their codes, so that their modules are not imported for every command.
_UNKNOWN: Final = frozenset({"no_such_incident", "no_such_snapshot", "settings_invalid"})

# Name → (module, one line). The help text stands here so that listing commands imports none of them.
_COMMANDS: Final = {
    "init": "Write a working pointsman.yaml for what this machine has.",
    "check": "Check a configuration without starting.",
    "up": "Start the gateway.",
    "demo": "Show everything at work, with a simulated vendor.",
    "ask": "Ask a capability, and watch the answer arrive.",
    "console": "Print a link that leads into the console.",
    "explain": "Show where a call would go and why, without sending it.",
    "policy": "Check, explain and compare where which data may go.",
    "router": "Learn from your logs which model to ask, and measure what it saves.",
    "report": "Print cost per outcome by capability.",
    "outcomes": "Import what became of units from a table.",
    "cost": "Show who bears what, budgets, savings, and what-if.",
    "telemetry": "Make a dashboard and alert rules, and try the collector.",
    "replay": "Try another configuration on the calls of the last days.",
    "objectives": "Show what is promised, how it is kept, and how fast error budgets burn.",
    "guarantee": "Show what quality is promised, on which data, and prove it.",
    "incident": "Open, look into, note and close incidents.",
    "rollback": "Go back to an earlier snapshot of the configuration.",
    "learn": "Learn from what became of answers, and show what is known of each target.",
    "switch": "Shut off a vendor, a target or a capability, everywhere within a second.",
    "query": "Ask the ledger anything in SQL.",
    "export": "Write costs in FOCUS for FinOps tools, or any rows.",
    "seal": "Put days that are over into Parquet files.",
    "keys": "Make, rotate, revoke and list keys.",
    "identity": "Shut people and tokens out, and see who is signed in.",
    "audit": "Verify the audit log, and ask it where data went.",
    "retention": "Show what is kept, let it go in time, hold it, drill restoring.",
    "erase": "Forget a person for good, on record.",
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
        # The detectors' sums are small: threads for them would wait for each other longer than they work. numpy reads this once, when it is loaded.
        importlib.import_module("pointsman.settings.secrets").presume("OPENBLAS_NUM_THREADS", "1")
        return importlib.import_module(f"pointsman.cli.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each exit code means."""
        del ctx
        with formatter.section("Exit codes"):
            formatter.write_dl(list(_EXIT_CODES.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pointsman", message="pointsman %(version)s")
def root() -> None:
    """Pointsman: one endpoint for AI that runs in many places."""


def main(args: Sequence[str] | None = None) -> None:
    """Run a command; errors of ours become a message and an exit code. A reader who has seen enough of our output is click's business."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        done = root(words, prog_name="pointsman", standalone_mode=False)
    except click.Abort:
        sys.exit(EXIT_STOPPED)
    except click.ClickException as wrong:
        _tell(wrong, words)
        sys.exit(wrong.exit_code)
    except PointsmanError as error:
        _tell(error, words)
        sys.exit(_exit_code(error))
    sys.exit(done if isinstance(done, int) else 0)


def _tell(error: click.ClickException | PointsmanError, words: Sequence[str]) -> None:
    if "--json" in words:
        print_json({"error": _as_data(error)})
    elif isinstance(error, click.UsageError):
        error.show()
    else:
        note(error.message)


def _as_data(error: click.ClickException | PointsmanError) -> dict[str, object]:
    code = error.code if isinstance(error, PointsmanError) else "usage" if isinstance(error, click.UsageError) else "wrong"
    found = getattr(error, "mistakes", None)
    return {"code": code, "message": error.message, **({} if found is None else {"mistakes": found})}


def _exit_code(error: PointsmanError) -> int:
    if isinstance(error, BadRequest) or error.code in _UNKNOWN:
        return EXIT_MISTAKES
    if isinstance(error, Refused):
        return EXIT_REFUSED
    return EXIT_FAILED
