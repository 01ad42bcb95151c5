"""
The section `identity` of the checked file → values; and what a well-shaped one can still get wrong.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

import msgspec

from pointsman.core.label import CLASSES, Label, Level, a_label
from pointsman.core.principal import Scope
from pointsman.settings import identity_shape, shape
from pointsman.settings.addresses import is_loopback, is_nobody, split_url
from pointsman.settings.identity_values import ANY, KINDS, NOBODY, WORDS, ClaimNames, Identity, Issuer, Login, Role
from pointsman.settings.mistakes import Mistake
from pointsman.settings.secrets import FORMS, is_reference
from pointsman.settings.yaml_text import Path, Text, dotted

# What is left out of a change that needs approval: it widens nobody's access.
_FREE_SECTIONS: Final = ("limits",)
_DIGITS: Final = 16


class Main(msgspec.Struct, frozen=True):
    """The main file: where it stands, its text, and its plain values."""

    path: FilePath
    source: str
    values: Mapping[str, Any]


def identity_of(file: shape.File, main: Main, *, digests: Mapping[str, str], levels: Mapping[str, Level] = CLASSES) -> Identity:
    """Return the section's values. `main` is the file itself; `digests` are those of the files beside the main one that belong to the policy."""
    told = file.identity
    common = msgspec.structs.replace(NOBODY, policy_digest=_policy_digest(main.values, digests), source=main.source, kept_in=f"{main.path.stem}-identity.db")
    if told is None:
        return common
    return msgspec.structs.replace(
        common,
        issuers=tuple(_issuer(name, one, levels=levels) for name, one in told.issuers.items()),
        login=None if told.login is None else _login(told.login, file.server, levels=levels),
        roles=tuple(Role(name=name, groups=frozenset(one.groups), permissions=frozenset(one.permissions)) for name, one in told.roles.items()),
        policy_approvals=0 if told.approvals is None else told.approvals.policy,
        hosts=frozenset(host.lower() for host in told.hosts),
    )


class IdentityMeaning:
    """Collects the mistakes of the section."""

    def __init__(self, text: Text, file: shape.File, *, levels: Mapping[str, Level] = CLASSES) -> None:
        self.mistakes: list[Mistake] = []
        self._levels = levels
        self._text = text
        self._file = file

    def check(self) -> list[Mistake]:
        """Return every mistake."""
        told = self._file.identity
        if told is None:
            return self.mistakes
        seen: dict[tuple[str, str], str] = {}
        for name, issuer in told.issuers.items():
            path: Path = ("identity", "issuers", name)
            self._issuer(path, issuer)
            other = seen.setdefault((issuer.issuer, issuer.audience), name)
            if other != name:
                self._add((*path, "audience"), f"`{other}` has the same `issuer` and `audience`.", remedy="Leave one of them out.")
            if not issuer.capabilities and not told.roles and "call" in issuer.scopes:
                says = "its tokens may use no capability, and there is no role that could give one."
                self._add(path, says, remedy='Add `capabilities: ["*"]` or a role.')
        if told.login is not None:
            self._login(told.login)
        for name, role in told.roles.items():
            for index, word in enumerate(role.permissions):
                self._permission(("identity", "roles", name, "permissions", index), word)
        if told.approvals is not None:
            self._approvals(told)
        return self.mistakes

    def _issuer(self, path: Path, issuer: identity_shape.Issuer) -> None:
        self._url((*path, "issuer"), issuer.issuer)
        self._classes((*path, "data_class"), issuer.data_class)
        if issuer.jwks is not None and not issuer.jwks.startswith("file:"):
            self._url((*path, "jwks"), issuer.jwks)
        for index, capability in enumerate(issuer.capabilities):
            if capability != ANY and capability not in self._file.capabilities:
                self._add((*path, "capabilities", index), f"there is no capability `{capability}`.", remedy=_known(self._file.capabilities))

    def _login(self, login: identity_shape.Login) -> None:
        path: Path = ("identity", "login")
        self._url((*path, "issuer"), login.issuer)
        self._classes((*path, "data_class"), login.data_class)
        if login.client_secret is not None and not is_reference(login.client_secret):
            self._add((*path, "client_secret"), "a secret must not stand in this file.", remedy=f"Write {FORMS}.")
        if login.url is None:
            if not is_loopback(self._file.server.admin):
                says = "cookies would cross a network in the open."
                self._add(path, says, remedy="Add `url:` with the `https://` address of what stands before the admin listener, or let it listen on 127.0.0.1.")
        else:
            self._url((*path, "url"), login.url)
            parts = split_url(login.url)
            if parts is not None and (parts.path.rstrip("/") or parts.query):
                self._add((*path, "url"), "this must be an origin, without a path.", remedy="Write `https://host[:port]`.")
        if login.idle_s > login.session_s:
            self._add((*path, "idle_s"), "a session would end before it could be idle for so long.", remedy="Lower `idle_s`, or raise `session_s`.")

    def _approvals(self, told: identity_shape.Identity) -> None:
        may = any("policy.change" in role.permissions for role in told.roles.values())
        if told.login is None or not may:
            says = "nobody could approve anything: that takes people who sign in and a role with `policy.change`."
            self._add(("identity", "approvals"), says, remedy="Add `login:` and such a role.")

    def _permission(self, path: Path, word: str) -> None:
        kind, colon, name = word.partition(":")
        if not colon:
            if word not in WORDS:
                known = [*WORDS, *(f"{one}:NAME" for one in KINDS)]
                self._add(path, f"there is no permission `{word[:60]}`.", remedy=_known(known))
        elif kind not in KINDS or not name:
            self._add(path, f"there is no permission `{word[:60]}`.", remedy=f"Known with a name or `*`: {_listed(KINDS)}.")
        elif kind == "class" and name != ANY:
            self._classes(path, name)
        elif kind == "capability" and name != ANY and name not in self._file.capabilities:
            self._add(path, f"there is no capability `{name}`.", remedy=_known(self._file.capabilities))

    def _classes(self, path: Path, told: str | list[str]) -> None:
        for name in (told,) if isinstance(told, str) else told:
            if name not in self._levels:
                self._add(path, f"there is no data class `{name}`.", remedy=_known(self._levels))

    def _url(self, path: Path, url: str) -> None:
        parts = split_url(url)
        if parts is None or parts.fragment or parts.username is not None or is_nobody(parts.hostname or ""):
            self._add(path, "this is no URL.", remedy="Write `https://host[:port]/path`.")
        elif parts.scheme == "http" and not is_loopback(f"{parts.hostname}:{parts.port or 80}"):
            self._add(path, "tokens, keys or cookies would cross a network in the open.", remedy="Use `https://`; plain `http://` is for this machine alone.")

    def _add(self, path: Path, says: str, *, remedy: str) -> None:
        self.mistakes.append(Mistake(file=self._text.file, path=dotted(path), line=self._text.line(path), says=says, remedy=remedy))


def _issuer(name: str, told: identity_shape.Issuer, *, levels: Mapping[str, Level]) -> Issuer:
    return Issuer(
        name=name,
        issuer=told.issuer,
        audience=told.audience,
        jwks=told.jwks,
        algorithms=frozenset(told.algorithms),
        claims=_claims(told.claims),
        tenant=told.tenant,
        scopes=frozenset(map(Scope, told.scopes)),
        capabilities=None if ANY in told.capabilities else frozenset(told.capabilities),
        groups=frozenset(told.groups),
        label=_label(told.data_class, levels),
        leeway_s=told.leeway_s,
        longest_life_s=told.longest_life_s,
        keys_live_s=told.keys_live_s,
        ca_file=told.ca_file,
    )


def _login(told: identity_shape.Login, server: shape.Server, *, levels: Mapping[str, Level]) -> Login:
    provider = Issuer(
        name="@login",  # no issuer of workloads can have this name
        issuer=told.issuer,
        audience=told.client_id,
        algorithms=frozenset(told.algorithms),
        claims=_claims(told.claims),
        tenant=told.tenant,
        scopes=frozenset(),
        label=_label(told.data_class, levels),
        leeway_s=told.leeway_s,
        keys_live_s=told.keys_live_s,
        ca_file=told.ca_file,
    )
    return Login(
        issuer=provider,
        url=(told.url or f"http://{server.admin}").rstrip("/"),
        client_secret=told.client_secret,
        scopes=tuple(dict.fromkeys(("openid", *told.scopes))),
        session_s=told.session_s,
        idle_s=told.idle_s,
    )


def _claims(told: identity_shape.Claims) -> ClaimNames:
    return ClaimNames(user=told.user, groups=told.groups, tenant=told.tenant, team=told.team, application=told.application, capabilities=told.capabilities)


def _label(data_class: str | list[str], levels: Mapping[str, Level]) -> Label:
    names = (data_class,) if isinstance(data_class, str) else data_class
    return a_label(*names, levels=levels)


def _policy_digest(values: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    # What was written counts, not what this version makes of it: an upgrade is no change of the policy.
    whole = {name: told for name, told in values.items() if name not in _FREE_SECTIONS}
    return hashlib.sha256(msgspec.json.encode([whole, digests], order="deterministic")).hexdigest()[:_DIGITS]


def _known(names: Collection[str]) -> str:
    return f"Known: {_listed(names)}."


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
