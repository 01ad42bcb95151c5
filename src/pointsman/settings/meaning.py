"""
What a well-shaped file can still get wrong: names that lead nowhere, secrets in the open, rules and rungs that can never be used.

Each check adds to one list, so that all mistakes are told together.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NoReturn, cast

import jsonschema_rs

from pointsman.core.label import Level
from pointsman.core.target import Target
from pointsman.settings import shape
from pointsman.settings.addresses import is_loopback, is_near, is_nobody, is_same, port_of, split_url
from pointsman.settings.beside import Beside
from pointsman.settings.compile import declared, is_moment
from pointsman.settings.facts import Facts
from pointsman.settings.ledger_place import is_url, passwords_of
from pointsman.settings.mistakes import Mistake, SettingsInvalid
from pointsman.settings.secrets import FORMS, is_reference
from pointsman.settings.yaml_text import Path, Text, dotted

# What looks like a key of a known vendor, wherever it stands.
_SECRET: Final = re.compile(
    r"(?<![\w-])(sk-[\w-]{16,}|sk_live_\w{16,}|pm_\w{40,}|gsk_\w{20,}|xox[bap]-\S{10,}|gh[pousr]_\w{20,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,})"
)
_ELSEWHERE: Final = f"Keep the key elsewhere and write {FORMS}."


def open_secrets(values: object, text: Text) -> list[Mistake]:
    """Return a mistake for each value, or name, that looks like a key. It is not repeated in the message."""
    return [
        Mistake(file=text.file, path=dotted(path), line=text.line(path), says="this looks like a key itself.", remedy=_ELSEWHERE)
        for path in _secrets(values, ())
    ]


def _secrets(values: object, path: Path) -> Iterable[Path]:
    if isinstance(values, dict):
        for name, value in cast("dict[str, object]", values).items():
            if _SECRET.search(name):
                yield path
            else:
                yield from _secrets(value, (*path, name))
    elif isinstance(values, list):
        for index, value in enumerate(cast("list[object]", values)):
            yield from _secrets(value, (*path, index))
    elif isinstance(values, str) and _SECRET.search(values):
        yield path


class Meaning:
    """Collects the mistakes of one file. Of what is left out because of its shape, only the name is known."""

    def __init__(self, text: Text, file: shape.File, *, facts: Facts, beside: Beside) -> None:
        self.mistakes: list[Mistake] = []
        self._text = text
        self._file = file
        self._facts = facts
        self._beside = beside
        self._secret_of: dict[str, str] = {}
        told = file.identity
        # Tokens and sessions bring tenants, teams and classes that this file does not name.
        self._has_others = told is not None and bool(told.issuers or told.login)

    def check(self, targets: Mapping[str, Target]) -> None:
        """Check everything; `targets` are those that could be made."""
        vendors = {*self._names("vendors"), *(kind for kind, facts in self._facts.vendors.items() if facts.base_url is not None)}
        for name, vendor in self._file.vendors.items():
            self._vendor(name, vendor)
        for name, target in self._file.targets.items():
            self._target(name, target, vendors=vendors)
        for name, capability in self._file.capabilities.items():
            self._ladder(name, capability, vendors=vendors)
            self._data_class(name, capability, targets=targets)
            self._rules(name, capability)
            self._schema(name, capability)
        for name, key in self._file.keys.items():
            self._key(name, key)
        self._limits(targets)
        self._server()

    # ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _vendor(self, name: str, vendor: shape.Vendor) -> None:
        facts = self._facts.vendors.get(vendor.kind)
        if facts is None:
            self._unknown(("vendors", name, "kind"), "kind of vendor", name=vendor.kind, known=self._facts.vendors)
            return
        if vendor.base_url is None and facts.base_url is None:
            self._add(("vendors", name), "this kind of vendor has no address of its own.", remedy="Add `base_url:`.")
        if vendor.base_url is not None:
            self._base_url(("vendors", name, "base_url"), vendor.base_url)
        if vendor.credential is not None and not is_reference(vendor.credential) and not _SECRET.search(vendor.credential):
            self._add(("vendors", name, "credential"), "a key must not stand in this file.", remedy=f"Write {FORMS}.")
        if vendor.ca_file is not None:
            self._ca_file(("vendors", name, "ca_file"), vendor.ca_file)

    def _base_url(self, path: Path, url: str) -> None:
        parts = split_url(url)
        if parts is None or parts.query or parts.fragment:
            self._add(path, "this is no base URL.", remedy="Write `https://host[:port]/path`.")
        elif parts.username is not None or parts.password is not None:
            self._add(path, "a URL must not hold a name or password.", remedy="Use `credential:` with a reference.")
        elif is_nobody(parts.hostname or ""):
            self._add(path, "no vendor is at this address.", remedy="Name the address that its machine has: `127.0.0.1` for this one.")
        elif parts.scheme == "http" and not is_near(parts.hostname or ""):
            self._add(path, "data would cross a network in the open.", remedy="Use `https://`; plain `http://` is for loopback and private addresses.")

    def _ca_file(self, path: Path, name: str) -> None:
        try:
            is_pem = "-----BEGIN CERTIFICATE-----" in self._beside.note(name).read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            self._add(path, f"the file cannot be read ({_why(error)}).", remedy="Correct the path; it is relative to this file.")
            return
        if not is_pem:
            self._add(path, "the file holds no certificate.", remedy="Name a PEM file with the certificate of the authority.")

    def _target(self, name: str, target: shape.Target, *, vendors: Collection[str]) -> None:
        if target.vendor not in vendors:
            self._unknown(("targets", name, "vendor"), "vendor", name=target.vendor, known=vendors)
        if target.price is not None and target.hardware is not None:
            self._add(("targets", name, "hardware"), "a target has a price per token or own hardware, not both.", remedy="Keep one of them.")

    def _ladder(self, name: str, capability: shape.Capability, *, vendors: Collection[str]) -> None:
        known = self._names("targets")
        for index, target in enumerate(capability.ladder):
            path: Path = ("capabilities", name, "ladder", index)
            vendor, slash, model = target.partition("/")
            if target not in known and not (slash and model and vendor in vendors):
                meant = difflib.get_close_matches(vendor, vendors, n=1)
                self._unknown(path, "target", name=target, known=[*known, *(f"{one}/{model if one in meant else 'MODEL'}" for one in vendors)])
            if target in capability.ladder[:index]:
                self._add(path, "this rung can never be tried: the target stands higher up already.", remedy="Keep one of them.")

    def _data_class(self, name: str, capability: shape.Capability, *, targets: Mapping[str, Target]) -> None:
        rungs = [targets[target] for target in capability.ladder if target in targets]
        ceiling = Level.RESTRICTED if capability.data_class is None else Level[capability.data_class.upper()]
        if capability.data_class is not None and len(rungs) == len(capability.ladder) and all(target.accepts < ceiling for target in rungs):
            says = f"data of class `{capability.data_class}` may be used, but no target of the ladder accepts it."
            self._add(("capabilities", name, "data_class"), says, remedy="Lower `data_class`, or add a target whose `accepts` is high enough.")
        mildest = self._mildest(name)
        if mildest is None:
            return
        word = mildest.name.lower()
        if ceiling < mildest:
            says = f"this capability can never be used: every key declares `{word}` data or stricter."
            self._add(("capabilities", name, "data_class"), says, remedy="Raise `data_class`, or lower that of a key.")
        for index, target in enumerate(capability.ladder):
            if target in targets and targets[target].accepts < mildest <= ceiling:
                says = f"this rung can never be tried: it accepts `{targets[target].accepts.name.lower()}` data, and every key declares `{word}` or stricter."
                self._add(
                    ("capabilities", name, "ladder", index), says, remedy="Raise `accepts` of the target, lower `data_class` of a key, or leave the rung out."
                )

    def _mildest(self, capability: str) -> Level | None:
        """Return the mildest class of data that anybody who may use a capability declares; None if nobody may or not all is known."""
        if len(self._file.keys) < len(self._names("keys")) or self._has_others:
            return None
        if not self._file.keys:
            return Level.INTERNAL
        classes = [declared(key).level for key in self._file.keys.values() if key.capabilities is None or capability in key.capabilities]
        return min(classes, default=None)

    def _rules(self, name: str, capability: shape.Capability) -> None:
        if capability.rules is None:
            return
        path: Path = ("capabilities", name, "rules")
        try:
            table = self._beside.rule_table(capability.rules)
        except SettingsInvalid as invalid:
            self.mistakes.extend(invalid.mistakes)
            return
        except (OSError, ValueError) as error:
            self._add(path, f"the decision table cannot be read ({_why(error)}).", remedy="Correct the path; it is relative to this file.")
            return

        def tell(row: int, column: str, *, says: str, remedy: str) -> None:
            where = f"rows[{row}].{column}"
            self.mistakes.append(Mistake(file=table.name, path=where, line=self._beside.line_of_row(table.name, row), says=says, remedy=remedy))

        for fault in self._facts.rule_faults(table):
            tell(fault.row, fault.column, says=f"{fault.says}.", remedy="Correct or remove the row.")
        if capability.cache and any(cells.get("phase") == "after" for cells in table.rows):
            says = "nothing can be kept here: the rows of its table that judge answers may judge them differently for the next caller."
            self._add(("capabilities", name, "cache"), says, remedy="Leave `cache` out, or the rows with the phase `after`.")
        for index, cells in enumerate(table.rows):
            for column, cell in cells.items():
                if _SECRET.search(cell):
                    tell(index, column, says="this looks like a key itself.", remedy="Keep keys out of decision tables.")

    def _schema(self, name: str, capability: shape.Capability) -> None:
        path: Path = ("capabilities", name, "output_schema")
        told = capability.output_schema
        if told is None:
            return
        try:
            schema = self._beside.schema(told) if isinstance(told, str) else told
        except (OSError, ValueError) as error:
            self._add(path, f"the schema cannot be read ({_why(error)}).", remedy="Correct the path or the JSON; the path is relative to this file.")
            return
        try:
            jsonschema_rs.validator_for(schema, retriever=_refuse_outside)
        except (jsonschema_rs.ReferencingError, ValueError) as error:
            self._add(path, f"this is no usable JSON Schema: {str(error).partition(chr(10))[0][:200]}.", remedy="Correct the schema; it must stand alone.")

    def _key(self, name: str, key: shape.Key) -> None:
        for index, capability in enumerate(key.capabilities or ()):
            if capability not in self._names("capabilities"):
                self._unknown(("keys", name, "capabilities", index), "capability", name=capability, known=self._names("capabilities"))
        for path, moment in ((("keys", name, "expires"), key.expires), (("keys", name, "previous", "until"), key.previous and key.previous.until)):
            if moment is not None and not is_moment(moment):
                self._add(path, f"`{moment}` is no date.", remedy="Write `2027-01-31` or `2027-01-31T12:00:00` (UTC).")
        for secret in {key.sha256, key.previous.sha256 if key.previous else key.sha256}:
            other = self._secret_of.setdefault(secret, name)
            if other != name:
                self._add(("keys", name, "sha256"), f"`{other}` has the same secret.", remedy="Make a key for each application with `pointsman keys create`.")

    def _limits(self, targets: Mapping[str, Target]) -> None:
        names: set[str] = set()
        for index, limit in enumerate(self._file.limits):
            if limit.name in names:
                self._add(("limits", index, "name"), f"there is a limit `{limit.name}` already.", remedy="Give each its own name.")
            names.add(limit.name)
            if limit.requests_per_minute is None and limit.tokens_per_minute is None and limit.budget_usd is None:
                self._add(("limits", index), "this limit limits nothing.", remedy="Add `requests_per_minute`, `tokens_per_minute` or `budget_usd`.")
            self._counts_something(index, limit, targets=targets)
            if limit.budget_usd is not None:
                self._budget(index, limit, targets=targets)

    def _counts_something(self, index: int, limit: shape.Limit, *, targets: Mapping[str, Target]) -> None:
        if len(self._file.keys) < len(self._names("keys")) or (self._has_others and limit.by not in ("key", "capability")):
            return
        if limit.by == "user":
            tenants = self._values("tenant", targets)
            if limit.only is not None and not ("/" in limit.only and limit.only.partition("/")[0] in tenants):
                says = f"this limit can never count anything: there is no user `{limit.only}`."
                self._add(("limits", index, "only"), says, remedy=f"Write a user as `TENANT/USER`, such as `{min(tenants)}/{limit.only.rpartition('/')[2]}`.")
            return
        known = self._values(limit.by, targets)
        if limit.only is not None and limit.only not in known:
            says = f"this limit can never count anything: there is no {limit.by} `{limit.only}`."
            self._add(("limits", index, "only"), says, remedy=_near(limit.only, known))
        elif not known:
            self._add(("limits", index, "by"), f"this limit can never count anything: no key has a {limit.by}.", remedy=f"Give a key its `{limit.by}`.")

    def _values(self, by: str, targets: Mapping[str, Target]) -> set[str]:
        """Return every value that a limit can count by. Without keys whoever calls is `local`, of the tenant `default`."""
        if by == "capability":
            return {*self._names("capabilities"), *targets}
        if not self._file.keys:
            return {"key": {"local"}, "tenant": {"default"}}.get(by, set())
        return {value for name, key in self._file.keys.items() if (value := _counted_as(by, name, key=key)) is not None}

    def _budget(self, index: int, limit: shape.Limit, *, targets: Mapping[str, Target]) -> None:
        for name, capability in self._file.capabilities.items():
            if not self._can_count(limit, name):
                continue
            for target in capability.ladder:
                if target in targets and not self._facts.has_price(targets[target]):
                    says = f"money cannot be counted: `{target}` of `{name}` has no price."
                    self._add(("limits", index, "budget_usd"), says, remedy=f"Give `{target}` a `price` or `hardware` under `targets`.")

    def _can_count(self, limit: shape.Limit, capability: str) -> bool:
        if limit.by == "capability":
            return limit.only in (None, capability)
        return (
            not self._file.keys
            or self._has_others
            or any(
                (key.capabilities is None or capability in key.capabilities)
                and (limit.only is None or limit.by == "user" or _counted_as(limit.by, name, key=key) == limit.only)
                for name, key in self._file.keys.items()
            )
        )

    def _server(self) -> None:
        server = self._file.server
        for name, listen in (("listen", server.listen), ("admin", server.admin)):
            if port_of(listen) is None:
                self._add(("server", name), "there is no such port.", remedy="Choose one up to 65535.")
        if not self._names("keys") and not self._has_others and not is_loopback(server.listen):
            self._add(
                ("server", "listen"), "anybody who reaches this address could call.", remedy="Make a key with `pointsman keys create`, or listen on 127.0.0.1."
            )
        has_admin = any("admin" in key.scopes for key in self._file.keys.values()) or len(self._file.keys) < len(self._names("keys"))
        if not has_admin and not self._has_others and not is_loopback(server.admin):
            says = "nobody could use this address: no key has the scope `admin`."
            self._add(("server", "admin"), says, remedy="Make one with `pointsman keys create --scope admin`, or listen on 127.0.0.1.")
        if is_same(server.listen, server.admin):
            self._add(("server", "admin"), "applications and administration cannot share an address.", remedy="Choose another port.")
        self._database(server.database)

    def _database(self, told: str) -> None:
        if is_url(told) and passwords_of(told):
            says = "a password must not stand in this file."
            self._add(("server", "database"), says, remedy="Keep the whole URL elsewhere and write `env:NAME` or `file:PATH`.")
        elif "://" in told and not is_url(told):
            says = "this is neither a file nor the URL of a database that is known here."
            self._add(("server", "database"), says, remedy="Write a file's name or `postgresql://user@host/name`.")

    # ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _names(self, section: str) -> Collection[str]:
        found = self._text.values.get(section)
        return cast("dict[str, object]", found).keys() if isinstance(found, dict) else ()

    def _add(self, path: Path, says: str, *, remedy: str) -> None:
        self.mistakes.append(Mistake(file=self._text.file, path=dotted(path), line=self._text.line(path), says=says, remedy=remedy))

    def _unknown(self, path: Path, what: str, *, name: str, known: Collection[str]) -> None:
        self._add(path, f"there is no {what} `{name}`.", remedy=_near(name, known))


def _counted_as(by: str, name: str, *, key: shape.Key) -> str | None:
    match by:
        case "key":
            return name
        case "tenant":
            return key.tenant
        case "team":
            return key.team
        case _:
            return key.application


def _refuse_outside(uri: str) -> NoReturn:
    raise ValueError(f"`{uri}` is outside of it")


def _near(name: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if found:
        return f"Did you mean `{found[0]}`?"
    return f"Known: {', '.join(f'`{one}`' for one in sorted(known))}." if known else "There are none yet."


def _why(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)
