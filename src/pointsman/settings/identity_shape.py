"""
The shape of the section `identity` of `pointsman.yaml`. The descriptions here are part of the configuration reference.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

_Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
_Tenant = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]
_Claim = Annotated[str, Meta(min_length=1, max_length=200)]
_Scope = Literal["call", "outcomes", "raw_targets", "admin"]

# Signatures that one side makes and everybody can check. A shared secret (HS256) or none at all is no choice here.
_Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]


class Claims(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Which claims of a token say what. A name may be a path, such as `realm_access.roles`."""

    user: Annotated[_Claim | None, Meta(description="The person or workload, for limits by user and for revocation.")] = "sub"
    groups: Annotated[_Claim | None, Meta(description="Its groups, a list or a text with spaces. Roles and policies speak of them.")] = "groups"
    tenant: Annotated[_Claim | None, Meta(description="Whose data this is; by default the issuer's `tenant`.")] = None
    team: Annotated[_Claim | None, Meta(description="Who pays.")] = None
    application: Annotated[_Claim | None, Meta(description="Which application calls.")] = None
    capabilities: Annotated[_Claim | None, Meta(description="The only capabilities that this token may use, of those that it may anyway.")] = None


class Issuer(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who signs tokens (JWT) of workloads."""

    issuer: Annotated[str, Meta(min_length=1, max_length=500, description="The exact `iss` of its tokens, an `https://` URL.")]
    audience: Annotated[str, Meta(min_length=1, max_length=500, description="The `aud` that says a token is meant for this gateway.")]
    jwks: Annotated[
        str | None, Meta(description="Where its keys are: an `https://` URL, or `file:PATH` beside this file. By default what its discovery document says.")
    ] = None
    algorithms: Annotated[list[_Algorithm], Meta(min_length=1, description="The signatures that are accepted.")] = field(
        default_factory=lambda: ["RS256", "ES256"]
    )
    claims: Annotated[Claims, Meta(description="Which claims say what.")] = Claims()
    tenant: Annotated[_Tenant, Meta(description="Whose data it is, where no claim says so.")] = "default"
    scopes: Annotated[list[_Scope], Meta(description="What its tokens may do, as with keys.")] = field(default_factory=lambda: ["call", "outcomes"])
    capabilities: Annotated[
        list[str], Meta(description="The capabilities that its tokens may use; `*` for all. By default none but those that roles give to their groups.")
    ] = []
    groups: Annotated[list[_Name], Meta(description="Groups that all its tokens belong to, beside those that their claims name.")] = []
    data_class: Annotated[_Name | list[_Name], Meta(description="The class of all data that they send, or several; a request may only add to it.")] = "internal"
    leeway_s: Annotated[float, Meta(ge=0, le=300, description="Seconds by which its clock and ours may differ.")] = 30.0
    longest_life_s: Annotated[_Seconds, Meta(description="Seconds from `iat` to `exp`; a token that lives longer is refused.")] = 86_400.0
    keys_live_s: Annotated[
        _Seconds, Meta(description="Seconds for which its keys are believed while it cannot be reached. After that its tokens are refused.")
    ] = 21_600.0
    ca_file: Annotated[str | None, Meta(description="A PEM file with the authority that signed its certificate, if that is a private one.")] = None


class Login(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How people sign in: an OpenID Connect provider, at the admin listener."""

    issuer: Annotated[str, Meta(min_length=1, max_length=500, description="The provider, an `https://` URL; its discovery document says the rest.")]
    client_id: Annotated[str, Meta(min_length=1, max_length=500, description="The name under which this gateway is registered there.")]
    client_secret: Annotated[
        str | None, Meta(description="A reference to the secret of the registration (`env:NAME`, `file:PATH` …). Without one, PKCE alone protects.")
    ] = None
    url: Annotated[
        str | None,
        Meta(description="Where browsers reach the admin listener, such as `https://pointsman.example.com`. By default `http://` and the admin address."),
    ] = None
    scopes: Annotated[list[_Claim], Meta(description="What is asked for, beside `openid`.")] = field(default_factory=lambda: ["profile", "email"])
    algorithms: Annotated[list[_Algorithm], Meta(min_length=1, description="The signatures that are accepted.")] = field(
        default_factory=lambda: ["RS256", "ES256"]
    )
    claims: Annotated[Claims, Meta(description="Which claims say what.")] = Claims()
    tenant: Annotated[_Tenant, Meta(description="Whose data it is, where no claim says so.")] = "default"
    data_class: Annotated[_Name | list[_Name], Meta(description="The class of all data that people send, or several.")] = "internal"
    session_s: Annotated[_Seconds, Meta(description="Seconds after which a person signs in again, however busy.")] = 28_800.0
    idle_s: Annotated[Annotated[float, Meta(ge=60, le=86_400)], Meta(description="Seconds without a request after which a session ends.")] = 1800.0
    leeway_s: Annotated[float, Meta(ge=0, le=300, description="Seconds by which its clock and ours may differ.")] = 30.0
    keys_live_s: Annotated[_Seconds, Meta(description="Seconds for which its keys are believed while it cannot be reached.")] = 21_600.0
    ca_file: Annotated[str | None, Meta(description="A PEM file with the authority that signed its certificate, if that is a private one.")] = None


class Role(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What the members of some groups may do."""

    groups: Annotated[list[_Name], Meta(min_length=1, description="Whoever is in one of these groups has the role.")]
    permissions: Annotated[
        list[str],
        Meta(
            min_length=1,
            description="`admin`, `console.read`, `policy.read`, `policy.change`, `identity.revoke`, `review`, `audit.read`, `erase`, `outcomes`;"
            " and with a name or `*`: `capability:NAME`, `class:NAME`, `collection:NAME`, `tool:NAME`, `target:NAME`.",
        ),
    ]


class Approvals(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What takes effect only after people have agreed."""

    policy: Annotated[
        int, Meta(ge=2, le=10, description="How many different people must approve a change of this file (of anything but `limits`) before it takes effect.")
    ]


class Identity(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who people and workloads are, and what their groups may do."""

    issuers: Annotated[dict[_Name, Issuer], Meta(description="Who signs tokens of workloads.")] = {}
    login: Annotated[Login | None, Meta(description="How people sign in.")] = None
    roles: Annotated[dict[_Name, Role], Meta(description="What groups may do. What no role gives is refused.")] = {}
    approvals: Annotated[Approvals | None, Meta(description="What takes effect only after people have agreed.")] = None
    hosts: Annotated[
        list[_Name], Meta(description="Further names under which the admin listener is reached. It answers to its own address and to this machine's names.")
    ] = []
