"""
Roles: what groups may do, and what nobody gave.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.values import a_key

from pointsman.core.errors import NotPermitted
from pointsman.core.principal import Principal, Scope
from pointsman.intake.roles import PERSON_KEY, NoRole, Roles, is_key, is_person
from pointsman.settings.identity_values import KINDS, WORDS, Role

REVIEWER = Role(name="reviewer", groups=frozenset({"leads"}), permissions=frozenset({"review", "policy.change", "class:health", "capability:hr"}))
ADMIN = Role(name="admin", groups=frozenset({"ops"}), permissions=frozenset({"admin", "outcomes", "target:*", "tool:*"}))
ROLES = Roles((REVIEWER, ADMIN))


def a_person(*groups: str) -> Principal:
    key = a_key(PERSON_KEY, scopes=frozenset(), capabilities=frozenset(), groups=frozenset(groups))
    return Principal(key=ROLES.granted(key), user="ada@example.com")


def a_service(*groups: str, **more: Any) -> Principal:
    return Principal(key=ROLES.granted(a_key(groups=frozenset(groups), **more)))


def test_a_person_may_do_what_the_roles_of_their_groups_say_and_nothing_else() -> None:
    lead = a_person("leads", "others")
    for permission in ("review", "policy.change", "class:health", "capability:hr"):
        ROLES.check(lead, permission)
    for permission in ("admin", "audit.read", "erase", "class:personal", "capability:support", "target:acme/small", "tool:mail"):
        with pytest.raises(NoRole) as caught:
            ROLES.check(lead, permission)
        assert f"`{permission}`" in caught.value.message
        assert "ada@example.com" in caught.value.message
    assert (ROLES.names(lead.key.groups), lead.key.capabilities, lead.key.scopes) == (("reviewer",), {"hr"}, {Scope.CALL})


def test_somebody_without_a_role_may_do_nothing() -> None:
    nobody = a_person("strangers")
    assert not any(ROLES.allows(nobody, word) for word in WORDS)
    assert (nobody.key.scopes, nobody.key.capabilities) == (frozenset(), frozenset())


def test_a_role_becomes_the_scopes_that_the_rest_of_the_gateway_knows() -> None:
    assert a_person("ops").key.scopes == {Scope.CALL, Scope.ADMIN, Scope.OUTCOMES, Scope.RAW_TARGETS}
    every = Roles((Role(name="all", groups=frozenset({"g"}), permissions=frozenset({"capability:*"})),))
    assert every.granted(a_key(scopes=frozenset(), capabilities=frozenset(), groups=frozenset({"g"}))).capabilities is None


def test_roles_add_to_what_a_key_has_and_take_nothing() -> None:
    key = ROLES.granted(a_key(capabilities=frozenset({"support"}), groups=frozenset({"leads"})))
    assert (key.capabilities, key.scopes) == ({"support", "hr"}, {Scope.CALL, Scope.OUTCOMES})
    assert ROLES.granted(a_key(groups=frozenset({"leads"}))).capabilities is None
    only = ROLES.granted(a_key(scopes=frozenset({Scope.OUTCOMES}), groups=frozenset({"leads"})))
    assert only.capabilities == {"hr"}, "a key that could not call may call what its role names, and no more"


def test_an_admin_key_administers_but_approves_nothing() -> None:
    """Two people must agree: a key is nobody."""
    key = a_service(scopes=frozenset({Scope.ADMIN}))
    assert all(ROLES.allows(key, word) for word in set(WORDS) - {"policy.change"})
    for who in (key, a_service("leads"), Principal(key=a_key("@ci", groups=frozenset({"leads"})), user="job")):
        assert not ROLES.allows(who, "policy.change")
        assert not is_person(who)
    assert (is_key(key), is_key(a_person()), is_person(a_person())) == (True, False, True)


def test_classes_collections_and_tools_are_open_until_a_role_speaks_of_that_kind() -> None:
    service = a_service()
    assert ROLES.allows(service, "collection:handbook")
    assert not ROLES.allows(service, "class:health")
    assert not ROLES.allows(service, "class:personal"), "once one class is given by role, every class is"
    assert ROLES.allows(a_service("ops"), "tool:mail")
    assert not ROLES.allows(service, "tool:mail")
    assert all(Roles().allows(service, f"{kind}:x") for kind in ("class", "collection", "tool"))


def test_what_a_key_may_call_is_a_permission_too() -> None:
    assert ROLES.allows(a_service(), "capability:support")
    assert not ROLES.allows(a_service(capabilities=frozenset({"hr"})), "capability:support")
    assert ROLES.allows(a_service(scopes=frozenset({Scope.RAW_TARGETS})), "target:acme/small")
    assert isinstance(NoRole(permission="erase", who="x"), NotPermitted)


names = st.sampled_from(["a", "b", "c", "*"])
permissions = st.frozensets(st.one_of(st.sampled_from(sorted(WORDS)), st.builds("{}:{}".format, st.sampled_from(sorted(KINDS)), names)), max_size=4)
groups = st.frozensets(st.sampled_from(["g", "h", "i"]), max_size=3)
roles = st.lists(st.builds(Role, name=st.just("r"), groups=groups, permissions=permissions), max_size=4)


@settings(max_examples=60)
@given(
    roles=roles, had=groups, joined=groups, asked=st.one_of(st.sampled_from(sorted(WORDS)), st.builds("{}:{}".format, st.sampled_from(sorted(KINDS)), names))
)
def test_another_group_never_takes_a_permission(roles: list[Role], had: frozenset[str], joined: frozenset[str], asked: str) -> None:
    known = Roles(roles)
    before = Principal(key=known.granted(a_key(PERSON_KEY, scopes=frozenset(), capabilities=frozenset(), groups=had)), user="u")
    after = Principal(key=known.granted(a_key(PERSON_KEY, scopes=frozenset(), capabilities=frozenset(), groups=had | joined)), user="u")
    assert known.allows(after, asked) or not known.allows(before, asked)


def test_what_is_remembered_of_groups_is_bounded() -> None:
    known = Roles((REVIEWER,))
    for number in range(4200):
        known.of_groups(frozenset({str(number)}))
    assert known.of_groups(frozenset({"leads"})) == REVIEWER.permissions
    assert len(known._by_groups) < 4100
