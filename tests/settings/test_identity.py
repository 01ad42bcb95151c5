"""
The section `identity`: what it means, and every mistake that a well-shaped one can hold.
"""

from pathlib import Path
from textwrap import indent

import pytest
from tests.settings.files import FIVE_LINES, SHA, settings_of, told_by

from pointsman.core.principal import Scope
from pointsman.settings.identity_values import NOBODY, Role

WHOLE = """
  issuers:
    ci:
      issuer: https://token.example.com
      audience: https://gateway.example.com
      algorithms: [ES256]
      claims: {tenant: org, groups: realm.roles}
      capabilities: ["*"]
      scopes: [call]
      groups: [machines]
      data_class: [personal, internal]
  login:
    issuer: https://id.example.com/
    client_id: pointsman
    client_secret: env:OIDC_SECRET
    url: https://admin.example.com/
    scopes: [email, openid]
  roles:
    lead: {groups: [leads], permissions: [policy.change, review, "class:health", "capability:support"]}
  approvals: {policy: 2}
  hosts: [Admin.internal]
"""


def file_of(section: str, *, more: str = "") -> str:
    return FIVE_LINES + "identity:\n" + indent(section.strip("\n"), "" if section.startswith("\n  ") else "  ") + "\n" + more


def test_the_section_becomes_values(tmp_path: Path) -> None:
    found = settings_of(tmp_path, file_of(WHOLE)).identity
    (issuer,) = found.issuers
    assert (issuer.name, issuer.capabilities, issuer.scopes, issuer.label.classes) == ("ci", None, {Scope.CALL}, {"personal", "internal"})
    assert (issuer.claims.tenant, issuer.claims.groups, issuer.claims.user) == ("org", "realm.roles", "sub")
    assert found.login is not None
    assert (found.login.issuer.audience, found.login.url, found.login.scopes) == ("pointsman", "https://admin.example.com", ("openid", "email"))
    assert found.roles == (
        Role(name="lead", groups=frozenset({"leads"}), permissions=frozenset({"policy.change", "review", "class:health", "capability:support"})),
    )
    assert (found.policy_approvals, found.hosts, found.is_used) == (2, {"admin.internal"}, True)


def test_without_the_section_nobody_comes_without_a_key(tmp_path: Path) -> None:
    found = settings_of(tmp_path, FIVE_LINES).identity
    assert (found.is_used, found.issuers, found.login, found.policy_approvals) == (False, (), None, 0)
    assert (NOBODY.is_used, found.kept_in) == (False, "pointsman-identity.db")


def test_browsers_are_expected_at_the_admin_address(tmp_path: Path) -> None:
    found = settings_of(tmp_path, file_of("login: {issuer: 'https://id.example.com', client_id: p}")).identity
    assert found.login is not None
    assert found.login.url == "http://127.0.0.1:8801"


MISTAKES = [
    ("issuers: {ci: {issuer: 'http://token.example.com', audience: a, capabilities: ['*']}}", "identity.issuers.ci.issuer: tokens, keys or cookies would"),
    ("issuers: {ci: {issuer: token, audience: a, capabilities: ['*']}}", "identity.issuers.ci.issuer: this is no URL"),
    ("issuers: {ci: {issuer: 'https://t', audience: a, jwks: 'ftp://x', capabilities: ['*']}}", "identity.issuers.ci.jwks: this is no URL"),
    ("issuers: {ci: {issuer: 'https://t', audience: a, capabilities: [suport]}}", "capabilities[0]: there is no capability `suport`"),
    ("issuers: {ci: {issuer: 'https://t', audience: a}}", "identity.issuers.ci: its tokens may use no capability"),
    ("issuers: {ci: {issuer: 'https://t', audience: a, algorithms: [HS256], capabilities: ['*']}}", "algorithms[0]: this must be one of"),
    ("issuers: {ci: {issuer: 'https://t', audience: a, algorithms: [none], capabilities: ['*']}}", "algorithms[0]: this must be one of"),
    ("issuers: {ci: {issuer: 'https://t', audience: '', capabilities: ['*']}}", "audience: this must not be empty"),
    (
        "issuers: {a: {issuer: 'https://t', audience: x, capabilities: ['*']}, b: {issuer: 'https://t', audience: x, capabilities: ['*']}}",
        "identity.issuers.b.audience: `a` has the same",
    ),
    ("login: {issuer: 'https://id.example.com', client_id: p, client_secret: hunter2hunter2}", "identity.login.client_secret: a secret must not stand"),
    ("login: {issuer: 'https://id.example.com', client_id: p, url: 'http://admin.example.com'}", "identity.login.url: tokens, keys or cookies would"),
    ("login: {issuer: 'https://id.example.com', client_id: p, url: 'https://admin.example.com/x'}", "identity.login.url: this must be an origin"),
    ("login: {issuer: 'https://id.example.com', client_id: p, idle_s: 7200, session_s: 3600}", "identity.login.idle_s: a session would end"),
    ("roles: {r: {groups: [g], permissions: [policy.chnage]}}", "permissions[0]: there is no permission `policy.chnage`"),
    ("roles: {r: {groups: [g], permissions: ['class:']}}", "permissions[0]: there is no permission `class:`"),
    ("roles: {r: {groups: [g], permissions: ['colour:red']}}", "permissions[0]: there is no permission `colour:red`"),
    ("roles: {r: {groups: [g], permissions: ['capability:suport']}}", "permissions[0]: there is no capability `suport`"),
    ("roles: {r: {groups: [g], permissions: ['class:helth']}}", "permissions[0]: there is no data class `helth`"),
    ("issuers: {ci: {issuer: 'https://t', audience: a, data_class: [internal, privat], capabilities: ['*']}}", "data_class: there is no data class `privat`"),
    ("approvals: {policy: 2}", "identity.approvals: nobody could approve"),
    ("approvals: {policy: 1}", "identity.approvals.policy: this must be at least 2"),
]


@pytest.mark.parametrize(("section", "says"), MISTAKES)
def test_a_mistake_is_told_where_it_is(tmp_path: Path, section: str, says: str) -> None:
    told = told_by(tmp_path, file_of(section))
    assert any(says in one for one in told), told
    assert all("hunter2" not in one for one in told)


def test_people_sign_in_over_https_wherever_browsers_come_from_other_machines(tmp_path: Path) -> None:
    section = "login: {issuer: 'https://id.example.com', client_id: p}"
    told = told_by(tmp_path, file_of(section, more="server: {admin: '0.0.0.0:8801'}\n"))
    assert any("cookies would cross a network" in one for one in told)
    settings_of(
        tmp_path, file_of("login: {issuer: 'https://id.example.com', client_id: p, url: 'https://a.example'}", more="server: {admin: '0.0.0.0:8801'}\n")
    )


def test_tokens_are_enough_to_listen_to_everybody(tmp_path: Path) -> None:
    section = "issuers: {ci: {issuer: 'https://t', audience: a, capabilities: ['*'], scopes: [call, admin]}}"
    settings_of(
        tmp_path, file_of(section, more="server: {listen: '0.0.0.0:8800', admin: '0.0.0.0:8801'}\nlimits: [{name: teams, by: team, requests_per_minute: 5}]\n")
    )


# ── what needs approval ─────────────────────────────────────────────────────────────────────────────────────────────

KEY = f"keys: {{web: {{sha256: {SHA}}}}}\n"
BEFORE = FIVE_LINES + KEY


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("gpt-5-mini", "gpt-5"),
        BEFORE.replace(SHA, "cd" * 32),
        BEFORE + "server: {admin: '127.0.0.1:9000'}\n",
        BEFORE + "identity: {hosts: [evil.example]}\n",
        FIVE_LINES,
    ],
    ids=["the ladder", "the secret of a key", "the admin address", "who may come", "a key fewer"],
)
def test_a_change_of_anything_that_widens_access_is_another_policy(tmp_path: Path, after: str) -> None:
    assert settings_of(tmp_path, BEFORE).identity.policy_digest != settings_of(tmp_path, after).identity.policy_digest


def test_limits_spaces_and_words_are_no_change_of_the_policy(tmp_path: Path) -> None:
    before = settings_of(tmp_path, BEFORE).identity.policy_digest
    assert before == settings_of(tmp_path, BEFORE + "\n# a word\nlimits: [{name: l, by: tenant, requests_per_minute: 5}]\n").identity.policy_digest
