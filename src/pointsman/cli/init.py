"""
`pointsman init`: write a configuration that works on this machine.
"""

from pathlib import Path
from typing import Final

import click

from pointsman.cli.configuration import check_of, ladder_of
from pointsman.cli.discovery import Found, ModelServer, servers_at, usual_servers, variable_of, vendors_with_key
from pointsman.cli.first_file import CAPABILITY, FALLBACK_VENDOR, first_file, is_guess, ladder_line, named_servers
from pointsman.cli.options import Wrong, config_option, json_option, note, print_json, program, say
from pointsman.settings.edit import replace_file
from pointsman.settings.load import Settings
from pointsman.settings.secrets import environment

DEFAULT_FILE: Final = Path("pointsman.yaml")


@click.command("init")
@config_option
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--server", "servers", multiple=True, metavar="KIND=URL", help="A model server elsewhere, such as vllm=http://10.0.0.7:8000/v1.")
@click.option("--no-probe", is_flag=True, help="Do not look for model servers on their usual ports.")
@json_option
def command(path: Path, *, force: bool, servers: tuple[str, ...], no_probe: bool, as_json: bool) -> None:
    """
    Write a working pointsman.yaml for what this machine has.

    Looks for the keys of known vendors in the environment (by name; no value is read into the file) and for Ollama, llama.cpp and vLLM on
    their usual local ports.
    """
    if path.exists() and not force:
        raise Wrong(f"`{path}` exists already. Use --force to replace it, or --config to write another file.")
    found = _look(servers, probes=not no_probe)
    text = first_file(found)
    capabilities = _write(path, text).snapshot.capabilities
    if as_json:
        ladders = {name: [target.name for target in capability.ladder] for name, capability in capabilities.items()}
        print_json({"file": str(path), "vendors": found.vendors, "servers": found.servers, "capabilities": ladders, "next": _next(path)})
        return
    _tell(found)
    click.echo(f"Wrote {path}:")
    for name, capability in capabilities.items():
        click.echo(f"  {name}  {ladder_of(capability)}")
    if is_guess(found):
        say(
            f"\nNo vendor key and no model server was found. Line {ladder_line(text)} names OpenAI for now: "
            f"set {variable_of(FALLBACK_VENDOR)}, or change the line to what you have."
        )
    click.echo("\nNext:\n" + "\n".join(f"  {line}" for line in _next(path)))


def begin(path: Path) -> None:
    """Write the file of a first start, if this machine has anything that could answer. Raises `Wrong` if it has not."""
    found = _look((), probes=True)
    if path != DEFAULT_FILE or is_guess(found):
        raise Wrong(f"There is no `{path}` here. Write one for this machine with `pointsman init`, or name yours with --config.")
    _tell(found)
    _write(path, first_file(found))
    note(f"There was no {path}; wrote one for what was found. It is yours to change.")


def _write(path: Path, text: str) -> Settings:
    check = check_of(path)
    replace_file(path, text, check=check)
    return check(text)


def _look(told: tuple[str, ...], *, probes: bool) -> Found:
    elsewhere = [_place(text) for text in told]
    answered = servers_at([*(usual_servers().items() if probes else ()), *elsewhere])
    silent = [url for kind, url in elsewhere if not any((server.kind, server.url) == (kind, url) for server in answered)]
    if silent:
        raise Wrong(f"No model server answers at `{silent[0]}/models`. Start it, or correct the address: it usually ends in `/v1`.")
    return Found(vendors=vendors_with_key(environment()), servers=answered)


def _place(text: str) -> tuple[str, str]:
    kind, _, url = text.partition("=")
    known = usual_servers()
    if kind not in known or not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"`{text}` is not KIND=URL with a kind of {', '.join(known)}.", param_hint="--server")
    return kind, url.rstrip("/")


def _tell(found: Found) -> None:
    for kind in found.vendors:
        note(f"Found {variable_of(kind)} in the environment.")
    names = {server: name for name, server in named_servers(found)}
    for server in found.servers:
        note(f"Found {server.kind} at {server.url}{_with_models(server, names.get(server))}")


def _with_models(server: ModelServer, name: str | None) -> str:
    if name is None:
        return ", but it serves no model yet. Load one and run `pointsman init --force` again."
    model, *others = server.models
    more = f" and {len(others)} more" if others else ""
    return f" with {model}{more}: target `{name}`."


def _next(path: Path) -> list[str]:
    config = "" if path == DEFAULT_FILE else f" --config {path}"
    return [
        f"{program()} check{config}",
        f"{program()} up{config}        # then, in another terminal:",
        f'{program()} ask "Where is my parcel?" --capability {CAPABILITY}',
    ]
