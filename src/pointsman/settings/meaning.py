"""
What a well-shaped file can still get wrong: names that lead nowhere, secrets in the open, rules and rungs that can never be used.

Each check adds to one list, so that all mistakes are told together.
"""

import difflib
import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import jsonschema_rs
import msgspec

from pointsman.core.errors import Mistake, SettingsInvalid
from pointsman.core.place import DataClass
from pointsman.core.target import Target
from pointsman.settings import shape
from pointsman.settings.compile import Beside, when_s
from pointsman.settings.facts import Facts
from pointsman.settings.secrets import KINDS
from pointsman.settings.yaml_text import Path, Text, dotted

# Values that look like keys of known vendors, wherever they stand.
_LOOKS_SECRET: Final = re.compile(
    r"^(sk-[\w-]{16,}|sk_live_\w{16,}|pm_\w{40,}|gsk_\w{20,}|xox[bap]-\S{10,}|gh[pousr]_\w{20,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,})$"
)


class Meaning:
    """Collects the mistakes of one file."""

    def __init__(self, text: Text, file: shape.File, facts: Facts, beside: Beside) -> None:
        self.mistakes: list[Mistake] = []
        self._text = text
        self._file = file
        self._facts = facts
        self._beside = beside

    def check_before_targets(self) -> None:
        """Check what must hold before targets can be made."""
        self._secrets(self._text.values, ())
        for name, vendor in self._file.vendors.items():
            self._vendor(name, vendor)
        known = {*self._file.vendors, *(kind for kind, facts in self._facts.vendors.items() if facts.base_url is not None)}
        for name, target in self._file.targets.items():
            if target.vendor not in known:
                self._unknown(("targets", name, "vendor"), "vendor", target.vendor, known)
            if target.price is not None and target.hardware is not None:
                self._add(("targets", name, "hardware"), "a target has a price per token or own hardware, not both.", "Keep one of them.")
        for name, capability in self._file.capabilities.items():
            self._ladder(name, capability, known)

    def check(self, targets: Mapping[str, Target]) -> None:
        """Check the rest."""
        for name, capability in self._file.capabilities.items():
            self._ceiling(name, capability, targets)
            self._rules(name, capability)
            self._schema(name, capability)
        for name, key in self._file.keys.items():
            self._key(name, key)
        self._limits(targets)
        self._server()

    # ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _secrets(self, values: Any, path: Path) -> None:
        if isinstance(values, dict):
            for name, value in cast("dict[str, Any]", values).items():
                self._secrets(value, (*path, name))
        elif isinstance(values, list):
            for index, value in enumerate(cast("list[Any]", values)):
                self._secrets(value, (*path, index))
        elif isinstance(values, str) and _LOOKS_SECRET.match(values):
            self._add(path, "this looks like a key itself.", "Keep the key elsewhere and write `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`.")

    def _vendor(self, name: str, vendor: shape.Vendor) -> None:
        facts = self._facts.vendors.get(vendor.kind)
        if facts is None:
            self._unknown(("vendors", name, "kind"), "kind of vendor", vendor.kind, self._facts.vendors)
            return
        if vendor.base_url is None and facts.base_url is None:
            self._add(("vendors", name), "this kind of vendor has no address of its own.", "Add `base_url:`.")
        if vendor.base_url is not None:
            self._base_url(("vendors", name, "base_url"), vendor.base_url)
        if vendor.credential is not None and not vendor.credential.startswith(KINDS) and not _LOOKS_SECRET.match(vendor.credential):
            self._add(("vendors", name, "credential"), "a key must not stand in this file.", "Write `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`.")

    def _base_url(self, path: Path, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            self._add(path, "this is no base URL.", "Write `https://host[:port]/path`.")
        elif parts.username is not None:
            self._add(path, "a URL must not hold a name or password.", "Use `credential:` with a reference.")
        elif parts.scheme == "http" and not _is_near(parts.hostname):
            self._add(path, "data would cross a network in the open.", "Use `https://`; plain `http://` is for loopback and private addresses.")

    def _ladder(self, name: str, capability: shape.Capability, vendors: Collection[str]) -> None:
        for index, target in enumerate(capability.ladder):
            path: Path = ("capabilities", name, "ladder", index)
            vendor, slash, model = target.partition("/")
            if target not in self._file.targets and not (slash and model and vendor in vendors):
                self._unknown(path, "target", target, [*self._file.targets, *(f"{known}/MODEL" for known in vendors)])
            if target in capability.ladder[:index]:
                self._add(path, "this rung can never be tried: the target stands higher up already.", "Keep one of them.")

    def _ceiling(self, name: str, capability: shape.Capability, targets: Mapping[str, Target]) -> None:
        rungs = [targets[target] for target in capability.ladder if target in targets]
        ceiling = DataClass[capability.data_class.upper()]
        if len(rungs) == len(capability.ladder) and all(target.accepts < ceiling for target in rungs):
            says = f"data of class `{capability.data_class}` may be used, but no target of the ladder accepts it."
            self._add(("capabilities", name, "data_class"), says, "Lower `data_class`, or add a target whose `accepts` is high enough.")

    def _rules(self, name: str, capability: shape.Capability) -> None:
        if capability.rules is None:
            return
        path: Path = ("capabilities", name, "rules")
        try:
            table = self._beside.rule_table(capability.rules)
        except (OSError, UnicodeDecodeError) as error:
            self._add(path, f"the decision table cannot be read ({_why(error)}).", "Correct the path; it is relative to this file.")
            return
        except SettingsInvalid as invalid:
            self.mistakes.extend(invalid.mistakes)
            return
        for fault in self._facts.rule_faults(table):
            where = f"rows[{fault.row}].{fault.column}"
            self.mistakes.append(Mistake(file=capability.rules, path=where, line=fault.row + 2, says=f"{fault.says}.", remedy="Correct or remove the row."))

    def _schema(self, name: str, capability: shape.Capability) -> None:
        path: Path = ("capabilities", name, "output_schema")
        told = capability.output_schema
        if told is None:
            return
        try:
            jsonschema_rs.meta.validate(self._beside.schema(told) if isinstance(told, str) else told)
        except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
            self._add(path, f"the schema cannot be read ({_why(error)}).", "Correct the path or the JSON; the path is relative to this file.")
        except jsonschema_rs.ValidationError as error:
            self._add(path, f"this is no JSON Schema: {error.message}.", "Correct the schema.")
        except (jsonschema_rs.ReferencingError, ValueError) as error:
            self._add(path, f"this is no JSON Schema: {error}.", "Correct the schema.")

    def _key(self, name: str, key: shape.Key) -> None:
        for index, capability in enumerate(key.capabilities or ()):
            if capability not in self._file.capabilities:
                self._unknown(("keys", name, "capabilities", index), "capability", capability, self._file.capabilities)
        for path, moment in ((("keys", name, "expires"), key.expires), (("keys", name, "previous", "until"), key.previous and key.previous.until)):
            if moment is not None and not _is_moment(moment):
                self._add(path, f"`{moment}` is no date.", "Write `2027-01-31` or `2027-01-31T12:00:00` (UTC).")
        for other, same in self._file.keys.items():
            if other < name and same.sha256 == key.sha256:
                self._add(("keys", name, "sha256"), f"`{other}` has the same secret.", "Make a key for each application with `pointsman keys create`.")

    def _limits(self, targets: Mapping[str, Target]) -> None:
        known: dict[str, set[str | None]] = {
            "key": set(self._file.keys),
            "capability": {*self._file.capabilities, *targets},
            "tenant": {key.tenant for key in self._file.keys.values()} or {"default"},
            "team": {key.team for key in self._file.keys.values()},
            "application": {key.application for key in self._file.keys.values()},
        }
        names: set[str] = set()
        for index, limit in enumerate(self._file.limits):
            if limit.name in names:
                self._add(("limits", index, "name"), f"there is a limit `{limit.name}` already.", "Give each its own name.")
            names.add(limit.name)
            if limit.requests_per_minute is None and limit.tokens_per_minute is None and limit.budget_usd is None:
                self._add(("limits", index), "this limit limits nothing.", "Add `requests_per_minute`, `tokens_per_minute` or `budget_usd`.")
            if limit.only is not None and limit.by in known and limit.only not in known[limit.by]:
                says = f"this limit can never count anything: there is no {limit.by} `{limit.only}`."
                self._add(("limits", index, "only"), says, _near(limit.only, [name for name in known[limit.by] if name is not None]))
            if limit.budget_usd is not None:
                self._budget(index, limit, targets)

    def _budget(self, index: int, limit: shape.Limit, targets: Mapping[str, Target]) -> None:
        for name, capability in self._file.capabilities.items():
            if limit.by == "capability" and limit.only not in (None, name):
                continue
            for target in capability.ladder:
                if target in targets and not self._facts.has_price(targets[target]):
                    says = f"money cannot be counted: `{target}` of `{name}` has no price."
                    self._add(("limits", index, "budget_usd"), says, f"Give `{target}` a `price` or `hardware` under `targets`.")

    def _server(self) -> None:
        server = self._file.server
        if not self._file.keys and not _is_loopback(server.listen):
            self._add(("server", "listen"), "anybody who reaches this address could call.", "Make a key with `pointsman keys create`, or listen on 127.0.0.1.")
        if server.listen == server.admin:
            self._add(("server", "admin"), "applications and administration cannot share an address.", "Choose another port.")

    # ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, path: Path, says: str, remedy: str) -> None:
        self.mistakes.append(Mistake(file=self._text.file, path=dotted(path), line=self._text.line(path), says=says, remedy=remedy))

    def _unknown(self, path: Path, what: str, name: str, known: Collection[str]) -> None:
        self._add(path, f"there is no {what} `{name}`.", _near(name, known))


def _near(name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if found:
        return f"Did you mean `{found[0]}`?"
    return f"Known: {', '.join(f'`{one}`' for one in sorted(known))}." if known else "There are none yet."


def _is_near(host: str) -> bool:
    if host == "localhost" or "." not in host:
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host.endswith((".local", ".internal", ".lan"))


def _is_loopback(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _is_moment(text: str) -> bool:
    try:
        when_s(text)
    except ValueError:
        return False
    return True


def _why(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
