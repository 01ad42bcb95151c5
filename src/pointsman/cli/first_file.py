"""
The first `pointsman.yaml` of a machine: what was found there, private before cloud, with the next things to know as comments.
"""

import json
from collections.abc import Iterator

from pointsman.cli.discovery import Found, ModelServer, usual_servers, variable_of
from pointsman.providers.profiles.first_models import FIRST_MODELS, FIRST_REMARKS

CAPABILITY = "support-answer"
PRIVATE_CAPABILITY = "private-answer"
FALLBACK_VENDOR = "openai"

_HEAD = """\
# The configuration of Pointsman. `pointsman check` tells every mistake with its line;
# a running gateway takes changes up by itself. For your editor: pointsman check --schema

# What applications ask for by name. A ladder is tried from left to right.
capabilities:
"""

_PRIVATE = f"""
  # For data that must stay on your own machines: there is no cloud in this ladder.
  {PRIVATE_CAPABILITY}:
    data_class: restricted
"""

_TAIL = """
# Who may call. Without keys the gateway answers on this machine only, to anybody on it.
# Make one with: pointsman keys create my-application

# limits:
#   - {name: pace, by: capability, requests_per_minute: 600}
#   - {name: money, by: capability, budget_usd: 50, period: month}   # needs a price for every target

# Every call is looked through: names do not reach a public model in clear, cards, health data and code not at all,
# secrets nobody. `pointsman policy check` shows the rules, `pointsman explain` what they make of a text.
# audit:
#   copies: ["file:/mnt/other-disk/audit"]   # what shows that the log was changed, kept on another disk

# server:
#   listen: 127.0.0.1:8800      # applications
#   admin: 127.0.0.1:8801       # health and administration
#   database: pointsman.db      # the ledger
"""

_OPTIONS = """\
    # owner: support@example.com       # who answers for it
    # cache: true                      # exact answers are given again for an hour
    # unit: ticket                     # what an outcome is about; see `pointsman report`
    # output_schema: answer.json       # a JSON Schema that every answer must fit
"""


def first_file(found: Found) -> str:
    """Return the text of the file. It is valid whatever was found, and with nothing found too."""
    servers = dict(named_servers(found))
    text = _HEAD + f"  {CAPABILITY}:\n    ladder: [{', '.join([*servers, *_cloud(found)])}]{_hint(found)}\n" + _remarks(found) + _OPTIONS
    if servers and found.vendors:
        text += _PRIVATE + f"    ladder: [{', '.join(servers)}]\n"
    if servers:
        text += "\ntargets:\n" + "".join(_target(name, server) for name, server in servers.items())
    elsewhere = {name: server for name, server in servers.items() if not _is_usual(server)}
    if elsewhere:
        text += "\nvendors:\n" + "".join(f"  {name}:\n    kind: {server.kind}\n    base_url: {json.dumps(server.url)}\n" for name, server in elsewhere.items())
    return text + _TAIL


def named_servers(found: Found) -> Iterator[tuple[str, ModelServer]]:
    """Give a name to each server that has a model to offer."""
    seen: dict[str, int] = {}
    for server in found.servers:
        if server.models:
            seen[server.kind] = seen.get(server.kind, 0) + 1
            yield f"local-{server.kind}" + (f"-{seen[server.kind]}" if seen[server.kind] > 1 else ""), server


def ladder_line(text: str) -> int:
    """Return the number of the line with the first ladder."""
    return next(number for number, line in enumerate(text.split("\n"), start=1) if line.startswith("    ladder:"))


def is_guess(found: Found) -> bool:
    """Tell whether nothing was found that could answer."""
    return not found.vendors and not any(server.models for server in found.servers)


def _vendors(found: Found) -> tuple[str, ...]:
    return (FALLBACK_VENDOR,) if is_guess(found) else found.vendors


def _cloud(found: Found) -> list[str]:
    return [f"{kind}/{FIRST_MODELS[kind]}" for kind in _vendors(found)]


def _hint(found: Found) -> str:
    return f"   # nothing was found here: set {variable_of(FALLBACK_VENDOR)}, or name your own" if is_guess(found) else ""


def _remarks(found: Found) -> str:
    return "".join(f"    # {kind}/{FIRST_MODELS[kind]} {FIRST_REMARKS[kind]}\n" for kind in _vendors(found) if kind in FIRST_REMARKS)


def _target(name: str, server: ModelServer) -> str:
    vendor = server.kind if _is_usual(server) else name
    model, *others = server.models
    also = f"    # it also serves: {', '.join(others[:5])}\n" if others else ""
    return (
        f"  {name}:\n    vendor: {vendor}\n    model: {json.dumps(model, ensure_ascii=False)}\n{also}"
        "    # context_tokens: 8192           # longer calls go to the next rung\n"
        "    # hardware: {hourly_usd: 0.40}   # what the machine costs; without it the cost of a call is unknown\n"
    )


def _is_usual(server: ModelServer) -> bool:
    return usual_servers().get(server.kind) == server.url
