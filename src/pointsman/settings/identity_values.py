"""
Who people and workloads are, as compiled from the settings: values only. `intake` gives them their meaning.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pointsman.core.label import INTERNAL, Label
from pointsman.core.principal import Scope

ANY: Final = "*"


class ClaimNames(Struct, frozen=True, kw_only=True):
    """Which claim says what; None where none does."""

    user: str | None = "sub"
    groups: str | None = "groups"
    tenant: str | None = None
    team: str | None = None
    application: str | None = None
    capabilities: str | None = None


class Issuer(Struct, frozen=True, kw_only=True):
    """
    Somebody whose signature is believed. `name` is ours, `issuer` and `audience` are the exact `iss` and `aud` of its tokens.

    `jwks` is a URL or `file:PATH`; None is what the discovery document says. `capabilities` None means all. Times are seconds.
    """

    name: str
    issuer: str
    audience: str
    jwks: str | None = None
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    claims: ClaimNames = ClaimNames()
    tenant: str = "default"
    scopes: frozenset[Scope] = frozenset({Scope.CALL, Scope.OUTCOMES})
    capabilities: frozenset[str] | None = frozenset()
    groups: frozenset[str] = frozenset()
    label: Label = INTERNAL
    leeway_s: float = 30.0
    longest_life_s: float = 86_400.0
    keys_live_s: float = 21_600.0
    ca_file: str | None = None


class Login(Struct, frozen=True, kw_only=True):
    """
    How people sign in. `issuer` verifies their ID tokens (its audience is our client id); `url` is where browsers reach the admin listener.

    `client_secret` is a reference. A session ends `session_s` after it began, or `idle_s` after it was last used.
    """

    issuer: Issuer
    url: str
    client_secret: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    session_s: float = 28_800.0
    idle_s: float = 1800.0


class Role(Struct, frozen=True, kw_only=True):
    """What the members of these groups may do, in the words of `intake/roles.py`."""

    name: str
    groups: frozenset[str]
    permissions: frozenset[str]


class Identity(Struct, frozen=True, kw_only=True):
    """
    The whole section. `policy_approvals` is how many people must agree to a change; 0 for none.

    `policy_digest` names everything that a change needs approval for, and `source` is the text of the file it was read from. `kept_in` is the name
    of the file, beside that one, with sessions, revocations and approvals.
    """

    issuers: tuple[Issuer, ...] = ()
    login: Login | None = None
    roles: tuple[Role, ...] = ()
    policy_approvals: int = 0
    hosts: frozenset[str] = frozenset()
    policy_digest: str = ""
    source: str = ""
    kept_in: str = "pointsman-identity.db"

    @property
    def is_used(self) -> bool:
        """Tell whether anybody can come with something else than a key."""
        return bool(self.issuers) or self.login is not None


NOBODY: Final = Identity()
WORDS: Final[Mapping[str, str]] = {
    "admin": "the admin listener: the snapshot, reload",
    "console.read": "read the console: costs, calls and their decisions, of all tenants",
    "policy.read": "read what is in force and what is pending",
    "policy.change": "approve changes of the policy",
    "identity.revoke": "end tokens, sessions and people's access",
    "review": "decide what is put before people",
    "audit.read": "read and verify the audit log",
    "erase": "erase what is kept about a person",
    "outcomes": "report outcomes",
}
KINDS: Final[Mapping[str, str]] = {
    "capability": "call it",
    "class": "send data of the class",
    "collection": "have passages of it recalled",
    "tool": "have it used",
    "target": "name it instead of a capability",
}
