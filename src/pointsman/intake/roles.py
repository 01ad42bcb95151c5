"""
Roles: groups → permissions, and what a key, a workload or a person may do.

Rules:
1. A permission is a word (`admin`, `review` …) or a kind and a name (`capability:support`, `class:health`, `collection:*`).
2. What people and workloads may do comes from roles and their issuer; a key brings its own scopes and capabilities, and roles of its groups add to them.
3. Classes, collections and tools are open as long as no role speaks of that kind; from then on only those with a role that names one may use it.
4. `policy.change` belongs to people: no key has it, whatever its scopes.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from pointsman.core.errors import NotPermitted, Refused
from pointsman.core.principal import Key, Principal, Scope
from pointsman.settings.identity_values import ANY, WORDS, Role

POLICY_CHANGE: Final = "policy.change"
_KINDS_OF_OTHERS: Final = ("class", "collection", "tool")
_SCOPE_WORDS: Final[Mapping[Scope, frozenset[str]]] = {
    Scope.ADMIN: frozenset(WORDS) - {POLICY_CHANGE},
    Scope.OUTCOMES: frozenset({"outcomes"}),
    Scope.RAW_TARGETS: frozenset({"target:*"}),
}
_MOST_REMEMBERED: Final = 4096
_NOTHING: Final[frozenset[str]] = frozenset()

Permissions = frozenset[str]


class NoRole(NotPermitted):
    """Nobody gave this permission to whoever asks. Remedy: ask for a role that has it, under `identity.roles`, or for a key with the scope."""

    code = "no_role"

    def __init__(self, *, permission: str, who: str) -> None:
        Refused.__init__(
            self, f"`{who[:100]}` may not do this: it needs the permission `{permission}`. Ask for a role that has it (`identity.roles` in `pointsman.yaml`)."
        )
        self.what = permission
        self.who = who


class Roles:
    """The roles of one snapshot."""

    def __init__(self, roles: Iterable[Role] = ()) -> None:
        known = tuple(roles)
        self._known = known
        self._by_groups: dict[frozenset[str], Permissions] = {}
        every = frozenset[str]().union(*(role.permissions for role in known)) if known else frozenset[str]()
        self._closed = frozenset(kind for kind in _KINDS_OF_OTHERS if any(word.startswith(f"{kind}:") for word in every))

    def of_groups(self, groups: frozenset[str]) -> Permissions:
        """Return what the members of these groups may do by their roles."""
        found = self._by_groups.get(groups)
        if found is None:
            found = frozenset[str]().union(*(role.permissions for role in self._known if role.groups & groups))
            if len(self._by_groups) >= _MOST_REMEMBERED:
                self._by_groups.clear()
            self._by_groups[groups] = found
        return found

    def names(self, groups: frozenset[str]) -> tuple[str, ...]:
        """Return the names of the roles of these groups."""
        return tuple(role.name for role in self._known if role.groups & groups)

    def allows(self, principal: Principal, permission: str) -> bool:
        """Tell whether whoever asks has a permission."""
        key, kind = principal.key, permission.partition(":")[0]
        if kind in _KINDS_OF_OTHERS and kind not in self._closed:
            return True
        if kind == "capability" and Scope.CALL in key.scopes and (key.capabilities is None or permission.partition(":")[2] in key.capabilities):
            return True
        granted = self.of_groups(key.groups)
        if permission == POLICY_CHANGE:
            return is_person(principal) and permission in granted
        granted = granted.union(*(_SCOPE_WORDS.get(scope, _NOTHING) for scope in key.scopes))
        return permission in granted or f"{kind}:{ANY}" in granted

    def check(self, principal: Principal, permission: str) -> None:
        """Raise `NoRole` for whoever lacks a permission."""
        if not self.allows(principal, permission):
            raise NoRole(permission=permission, who=principal.user or principal.key.key_id)

    def granted(self, key: Key) -> Key:
        """Return a key with what the roles of its groups add to its scopes and capabilities."""
        permissions = self.of_groups(key.groups)
        if not permissions:
            return key
        named = {word.removeprefix("capability:") for word in permissions if word.startswith("capability:")}
        scopes = set(key.scopes)
        if named or any(word.startswith("target:") for word in permissions):
            scopes.add(Scope.CALL)
        scopes |= {scope for scope, words in ((Scope.ADMIN, "admin"), (Scope.OUTCOMES, "outcomes"), (Scope.RAW_TARGETS, "target:*")) if words in permissions}
        # Only a scope that a key had before makes `None` mean all: what it gets by a role is what the role names.
        had = key.capabilities if Scope.CALL in key.scopes else frozenset[str]()
        capabilities = None if had is None or ANY in named else had | named
        return replace(key, scopes=frozenset(scopes), capabilities=capabilities)


PERSON_KEY: Final = "@@people"  # no issuer has this name, and no key


def is_person(principal: Principal) -> bool:
    """Tell whether this is somebody who signed in, and no service."""
    return principal.key.key_id == PERSON_KEY and principal.user is not None


def is_key(principal: Principal) -> bool:
    """Tell whether this is a service that showed a key; names of keys begin with a letter or digit."""
    return not principal.key.key_id.startswith("@")
