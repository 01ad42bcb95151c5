"""
Values for tests: the smallest whole ones, with what a test cares about given by name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pointsman.core.call import Call, Role, Text, Turn
from pointsman.core.capability import Capability
from pointsman.core.clock import Clock
from pointsman.core.label import CLASSES
from pointsman.core.place import Dialect, Place
from pointsman.core.principal import Key, Limit, Principal, Scope
from pointsman.core.snapshot import FIRST_TARGET_BIT, Snapshot
from pointsman.core.target import Price, Rates, Target, Vendor
from pointsman.core.verdict import Keeping, Sharing
from pointsman.governance.detection.scanner import Detector, Scanner
from pointsman.governance.filtering.filter import Filtered
from pointsman.governance.judge import Judge
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.settings.policy_text import Action, PolicyText, Rule
from pointsman.surfaces.registry import BY_DIALECT as SURFACES
from pointsman.surfaces.reread import reread

CALL_ID = "01890000-0000-7000-8000-000000000001"
PRICE = Price(price_id="contract:test", rates=Rates(tokens_in=1_000_000_000, tokens_out=2_000_000_000))


class Time:
    """A clock that moves only when told to, or when somebody sleeps. Keeps the sleeps."""

    def __init__(self, *, wall_ms: int = 1_700_000_000_000, monotonic_s: float = 1000.0, chance: float = 0.5) -> None:
        self.wall_ms = wall_ms
        self.monotonic_s = monotonic_s
        self.chance = chance
        self.slept: list[float] = []

    def advance(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    @property
    def clock(self) -> Clock:
        return Clock(monotonic_s=lambda: self.monotonic_s, wall_ms=lambda: self.wall_ms, sleep=self.sleep, chance=lambda: self.chance)


def a_vendor(name: str = "acme", *, kind: str = "openai_compatible", base_url: str = "http://127.0.0.1:1/v1", **more: Any) -> Vendor:
    return Vendor(name=name, kind=kind, base_url=base_url, **more)


def a_target(name: str = "acme/small", *, bit: int = FIRST_TARGET_BIT, place: Place = Place.CLOUD, **more: Any) -> Target:
    whole: dict[str, Any] = {
        "model": "small",
        "vendor": a_vendor(),
        "dialect": Dialect.OPENAI_CHAT,
        "price": PRICE,
        "name": name,
        "bit": bit,
        "place": place,
        **more,
    }
    return Target(**whole)


def a_capability(name: str = "support", *, ladder: Iterable[Target] | None = None, **more: Any) -> Capability:
    whole: dict[str, Any] = {"version": "v1", "name": name, "ladder": tuple(ladder) if ladder is not None else (a_target(),), **more}
    return Capability(**whole)


def a_key(key_id: str = "web", **more: Any) -> Key:
    whole: dict[str, Any] = {"digests": (), "key_id": key_id, "scopes": frozenset({Scope.CALL, Scope.OUTCOMES}), **more}
    return Key(**whole)


def a_principal(key: Key | None = None, *, user: str | None = None) -> Principal:
    return Principal(key=key or a_key(), user=user)


def a_call(text: str = "Where is my parcel?", *, dialect: Dialect = Dialect.OPENAI_CHAT, capability: str = "support", **more: Any) -> Call:
    wire: dict[str, Any] = {"model": capability, "messages": [{"role": "user", "content": text}]}
    if dialect is Dialect.ANTHROPIC_MESSAGES:
        wire["max_tokens"] = 100
    whole: dict[str, Any] = {
        "call_id": CALL_ID,
        "dialect": dialect,
        "capability": capability,
        "turns": (Turn(Role.USER, (Text(text),)),),
        "wire": wire,
        "extras": {},
        "size_chars": len(text),
        **more,
    }
    return Call(**whole)


def a_snapshot(*capabilities: Capability, keys: Iterable[Key] = (), limits: Iterable[Limit] = (), **more: Any) -> Snapshot:
    named = {capability.name: capability for capability in capabilities or (a_capability(),)}
    targets: Mapping[str, Target] = {target.name: target for capability in named.values() for target in capability.ladder}
    vendors = {target.vendor.name: target.vendor for target in targets.values() if target.vendor is not None}
    whole: dict[str, Any] = {
        "digest": "0123456789abcdef",
        "vendors": vendors,
        "targets": targets,
        "capabilities": named,
        "rules": {},
        "keys": tuple(keys),
        "limits": tuple(limits),
        **more,
    }
    return Snapshot(**whole)


def openai_answer(text: str = "On its way.", *, model: str = "small", tokens: tuple[int, int] = (10, 5)) -> bytes:
    """Return the body of a whole answer as OpenAI-compatible servers write it."""
    return msgspec.json.encode(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
        }
    )


def anthropic_answer(text: str = "On its way.", *, model: str = "small", tokens: tuple[int, int] = (10, 5)) -> bytes:
    """Return the body of a whole answer as Anthropic writes it."""
    return msgspec.json.encode(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
        }
    )


def a_policy(*rules: Rule, **more: Any) -> PolicyText:
    """Return a policy of these rules; without any, one that permits everything, so that `accepts` of the targets is what decides."""
    everything = Rule(rule_id="everything", permits=True, sharing=Sharing.TENANT, keeping=Keeping.FULL)
    uncached = Rule(rule_id="restricted-is-not-cached", permits=False, classes=frozenset({"restricted"}), actions=frozenset({Action.CACHE}))
    return PolicyText(**{"digest": "policy", "levels": CLASSES, "rules": rules or (everything, uncached), **more})


def a_judge(snapshot: Snapshot, *detectors: Detector, policy: PolicyText | None = None) -> Judge:
    """Return the judgement of a snapshot; without detectors nothing is found."""
    scanner = Scanner(detectors, clock=lambda: 0.0, key=b"k" * 32)
    compiled = CompiledPolicy(policy or a_policy(), snapshot.targets.values(), snapshot=snapshot.digest)
    levels = (policy or a_policy()).levels
    return Judge(compiled, scanner, key_of=lambda tenant: tenant.encode() * 32, levels=levels, reread=_reread)


def _reread(call: Call, done: Filtered) -> Call:
    return reread(call, SURFACES[call.dialect], wire=done.wire, headers=done.headers)
