"""
What it costs to know who asks: a key, a token at its first and at every later call, a session; beside a library that verifies at every call.

Run `python bench/governance/identity.py`. Microseconds for one look, median and 99th percentile.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.remove(str(Path(__file__).parent))  # it has a `secrets` of its own
sys.path.insert(0, str(Path(__file__).parents[2]))

from joserfc import jwt
from tests.journeys.oidc_provider import AUDIENCE, Provider

from pointsman.core.principal import Digest, Key
from pointsman.intake.identity import Identities, Revoked
from pointsman.intake.keys import Door, mint
from pointsman.intake.sessions import Session, digest_of, new_secret
from pointsman.intake.tokens_keys import KeyRing
from pointsman.settings.identity_values import Identity, Issuer, Login, Role

ROUNDS = 20_000


def measure(name: str, look: Callable[[int], Any], *, rounds: int = ROUNDS) -> None:
    """Time each look on its own, and print a row."""
    for number in range(min(rounds, 500)):
        look(number)
    taken: list[float] = []
    for number in range(rounds):
        begun = time.perf_counter_ns()
        look(number)
        taken.append((time.perf_counter_ns() - begun) / 1000)
    taken.sort()
    print(f"{name:<58} {statistics.median(taken):>9.2f} {taken[int(len(taken) * 0.99)]:>9.2f}")


def main() -> None:
    provider = Provider()
    provider.server.server_close()
    now_s = time.time()
    issuer = Issuer(name="ci", issuer=provider.url, audience=AUDIENCE, capabilities=None)
    login = Login(issuer=Issuer(name="@login", issuer=provider.url, audience="p"), url="http://127.0.0.1:8801")
    roles = tuple(Role(name=f"r{number}", groups=frozenset({f"g{number}"}), permissions=frozenset({"capability:support"})) for number in range(50))
    ring = KeyRing(issuer)
    ring.learn(json.dumps(provider.jwks()).encode(), now_s)
    others = Identities(Identity(issuers=(issuer,), login=login, roles=roles), rings=[ring])
    others.register.revoked = Revoked(
        tokens=frozenset(f"t-{number}" for number in range(10_000)), subjects=frozenset(f"s-{number}" for number in range(10_000))
    )
    minted = mint(bytes(32))
    door = Door([Key(key_id="web", digests=(Digest(sha256=minted.sha256),))], others)
    secret = new_secret(bytes(32), prefix="ps_")
    session = Session(
        digest=digest_of("b"), calls_digest=digest_of(secret), issuer="i", subject="u", user="ada", groups=("g1", "g2"), began_s=now_s, seen_s=now_s
    )
    others.register.sessions.replace_all([session])
    groups = [f"g{number}" for number in range(20)]
    tokens = [f"Bearer {provider.token(groups=groups, sub=f'job-{number}')}" for number in range(2100)]
    known, key, calls = tokens[0], f"Bearer {minted.secret}", f"Bearer {secret}"
    verifying = provider.keys[0]

    def look(shown: str) -> object:
        return door.identify(shown, None, user=None, now_s=now_s + 1)

    fresh = iter(tokens[1:])
    print(f"token of {len(known)} characters, 20 groups, 50 roles; 10,000 tokens and 10,000 people shut out\n")
    print(f"{'':<58} {'median µs':>9} {'p99 µs':>9}")
    measure("key", lambda _: look(key))
    measure("token, verified before", lambda _: look(known))
    measure("session, by its secret for calls", lambda _: look(calls))
    measure("token, for the first time", lambda _: look(next(fresh)), rounds=1500)
    measure("reference: joserfc verifies and decodes at every call", lambda _: jwt.decode(known[7:], verifying, algorithms=["ES256"]), rounds=2000)
    print(f"\n{'revocation seen at the next look of each worker: every 250 ms':<58}")


if __name__ == "__main__":
    main()
