"""
What the data of a call is, and where it may go: look, label, judge.

- A label is the join of what the key declares, what the request declares and what was found. Finding only adds; a request only adds.
- A detector that crashed or was late leaves data unknown, and what is unknown counts as the strictest. A picture or file that cannot be read counts
  as what its source, the key, says of such.
- Kinds of findings that the owner of a capability lets pass do not count, except secrets.
- Secrets that are found are taken out for good before anything else sees the call.
- Pure: nothing here sends or stores. `policy` knows what is allowed, `detection` searches, `filtering` changes.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec.structs import replace

from pointsman.core.call import Call, Image, ToolResult
from pointsman.core.capability import Capability
from pointsman.core.errors import BadRequest, NoPlaceAllowed
from pointsman.core.label import SECRET, UNKNOWN, Integrity, Label, Level, a_label
from pointsman.core.principal import Principal
from pointsman.core.target import Target
from pointsman.core.verdict import Duty, Obligation, Reason, Verdict
from pointsman.governance.detection.scanner import Scanner
from pointsman.governance.filtering.filter import Filtered, NotFilterable, filtered
from pointsman.governance.filtering.pseudonyms import Namer, scope_of
from pointsman.governance.filtering.restore import Restorer
from pointsman.governance.look import Pause, Seen, look
from pointsman.governance.policy.compiled import CompiledPolicy
from pointsman.governance.said import told
from pointsman.settings.policy_text import Action

_REMOVE_SECRETS: Final = frozenset({Duty(SECRET, Obligation.REDACT)})
_DOABLE: Final = frozenset({Obligation.REDACT, Obligation.PSEUDONYMISE})
_OWN_TOOLS: Final = frozenset({"function", "custom", "url"})  # that run where the caller is, or have a name of their own
_DATE: Final = re.compile(r"_20[0-9]{6}$")

# The field in which an answer stands beside a request while both are looked through; nobody calls a field so.
_ANSWER: Final = "\0answer"

Reread = Callable[[Call, Filtered], Call]


class Judged:
    """One call with what was decided about it. `call` holds no secret that was found."""

    __slots__ = ("_judge", "_ready", "call", "capability", "principal", "seen", "verdict")

    def __init__(self, call: Call, seen: Seen, *, principal: Principal, capability: Capability, verdict: Verdict, judge: "Judge") -> None:
        self.call = call
        self.seen = seen
        self.principal = principal
        self.capability = capability
        self.verdict = verdict
        self._judge = judge
        self._ready: dict[frozenset[Duty], tuple[Call, Restorer | None]] = {frozenset(): (call, None)}

    @property
    def permissions(self) -> list[str]:
        """What whoever asks must be permitted for such a call: its classes of data and its tools, by the words of roles."""
        return [*(f"class:{name}" for name in self.verdict.label.classes), *(f"tool:{name}" for name in _tools(self.call.wire))]

    def met(self, target: Target) -> frozenset[Duty]:
        """Return the duties at a target that filtering can do."""
        return frozenset(duty for duty in self.verdict.owes(target) if duty.obligation in _DOABLE)

    def allows(self, target: Target, *, action: Action, now_s: float) -> bool:
        """Tell whether the call may go to a target for another `action` too, with no more done to it than what is owed there anyway."""
        return self._judge.allows(target, self.verdict, principal=self.principal, capability=self.capability, action=action, now_s=now_s)

    def anew(self, call: Call, declared: Label, *, pause: Pause, now_s: float) -> Awaitable["Judged"]:
        """Judge another call on behalf of this one. Raises `NoPlaceAllowed` for data above the capability's ceiling."""
        return self._judge.judge(call, declared, principal=self.principal, capability=self.capability, pause=pause, now_s=now_s)

    def ready(self, target: Target) -> tuple[Call, Restorer | None]:
        """Return the call as the target may see it, and who puts back what was replaced; worked out once for all that are owed the same."""
        duties = self.met(target)
        known = self._ready.get(duties)
        if known is None:
            known = self._ready[duties] = self._judge.filtered(self, duties)
        return known


class Judge:
    """
    The judgement of one snapshot.

    `key_of(tenant)` is the key of a tenant's pseudonyms; `levels` the level of each class; `reread` gives a call with another body.
    """

    def __init__(self, policy: CompiledPolicy, scanner: Scanner, *, key_of: Callable[[str], bytes], levels: Mapping[str, Level], reread: Reread) -> None:
        self.policy = policy
        self.levels = levels
        self._scanner = scanner
        self._key_of = key_of
        self._reread = reread

    async def judge(self, call: Call, declared: Label, *, principal: Principal, capability: Capability, pause: Pause, now_s: float) -> Judged:
        """
        Look through a call, take secrets out of it, label and judge it. `declared` is what is known of its data beforehand.

        Raises `NoPlaceAllowed` for data above the capability's ceiling.
        """
        seen = (await look(call, self._scanner, pause=pause)).heeding(capability)
        if seen.has_secrets:
            call = self._without_secrets(call, seen, principal=principal)
            seen = replace((await look(call, self._scanner, pause=pause)).heeding(capability), removed=seen.counts)
        label = self.label(declared, call, principal=principal, seen=seen)
        verdict = self.verdict(principal, label, capability=capability, now_s=now_s)
        return Judged(call, seen, principal=principal, capability=capability, verdict=verdict, judge=self)

    def label(self, declared: Label, call: Call, *, principal: Principal, seen: Seen) -> Label:
        """Return what is known about the data of a call."""
        label = declared
        classes = {one.data_class for ones in seen.findings for one in ones}
        if classes:
            label = label.joined(a_label(*classes, levels=self.levels))
        if seen.unread and principal.key.files is not None:
            label = label.joined(principal.key.files)
        if seen.failed:
            label = label.joined(UNKNOWN)
        integrity = min(label.integrity, _integrity(call))
        return label if integrity is label.integrity else replace(label, integrity=integrity)

    def verdict(self, principal: Principal, label: Label, *, capability: Capability, now_s: float) -> Verdict:
        """Return where data of this label may go. Raises `NoPlaceAllowed` for data above the capability's ceiling."""
        if label.level > capability.ceiling:
            raise NoPlaceAllowed(capability=capability.name, data_class=label.text)
        return self.policy.verdict(principal, label, capability=capability, now_s=now_s)

    def allows(self, target: Target, verdict: Verdict, *, principal: Principal, capability: Capability, action: Action, now_s: float) -> bool:
        """Tell whether data under a verdict may go to a target for another `action` too, with no more done to it than what is owed there anyway."""
        told = self.policy.verdict(principal, verdict.label, capability=capability, action=action, now_s=now_s)
        return told.permits(target) and told.owes(target) <= verdict.owes(target)

    def reason(self, target: Target, judged: Judged) -> Reason:
        """Tell why a target is open or closed to a call."""
        return self.policy.reason(target, judged.verdict, principal=judged.principal, capability=judged.capability)

    def filtered(self, judged: Judged, duties: frozenset[Duty]) -> tuple[Call, Restorer | None]:
        """Return a call with these duties done to what was found in it, and who puts back what was replaced. Raises `NoPlaceAllowed` if they cannot be."""
        call, capability = judged.call, judged.capability
        try:
            done = self._filtered(call, judged.seen, duties=duties, principal=judged.principal)
        except NotFilterable as error:
            raise NoPlaceAllowed(capability=capability.name, data_class=judged.verdict.label.text) from error
        return (self._reread(call, done), done.restorer) if done.count_by_kind else (call, done.restorer)

    async def kept(
        self, call: Call, answer: bytes, *, principal: Principal, capability: Capability, pause: Pause, is_masked: bool
    ) -> tuple[bytes, bytes] | None:
        """
        Return the body of a call and the answer to it as they may be kept: without secrets and, if `is_masked`, with pseudonyms for all else that is found.

        Both are looked through together, so that a value has one pseudonym in both. An answer in which nothing was found stays as it is. None where they
        cannot be looked through, or where something cannot be taken out.
        """
        said = told(answer)
        both = replace(call, wire={**call.wire, _ANSWER: said}, headers=())
        seen = (await look(both, self._scanner, pause=pause)).heeding(capability)
        if seen.failed:
            return None
        classes = {one.data_class for ones in seen.findings for one in ones} if is_masked else set[str]()
        duties = _REMOVE_SECRETS | {Duty(name, Obligation.PSEUDONYMISE) for name in classes}
        try:
            done = self._filtered_as(both, seen, duties=duties, names=self._names(call, principal))
        except NotFilterable:
            return None
        shown = done.wire.pop(_ANSWER)
        return msgspec.json.encode(done.wire), answer if shown == said else msgspec.json.encode(shown)

    def _without_secrets(self, call: Call, seen: Seen, *, principal: Principal) -> Call:
        try:
            return self._reread(call, self._filtered(call, seen, duties=_REMOVE_SECRETS, principal=principal))
        except NotFilterable as error:
            raise BadRequest("A secret stands where it cannot be taken out. Leave it out.", field=".".join(map(str, error.path))) from error

    def _filtered(self, call: Call, seen: Seen, *, duties: frozenset[Duty], principal: Principal) -> Filtered:
        return self._filtered_as(call, seen, duties=duties, names=self._names(call, principal))

    def _filtered_as(self, call: Call, seen: Seen, *, duties: frozenset[Duty], names: Namer) -> Filtered:
        return filtered(call.wire, zip(seen.spots, seen.findings, strict=True), duties=duties, names=names, headers=call.headers)

    def _names(self, call: Call, principal: Principal) -> Namer:
        key = principal.key
        return Namer(self._key_of(key.tenant), scope=scope_of(call.wire, tenant=key.tenant, key_id=key.key_id, user=principal.user))


def _tools(wire: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the names of all tools that a body offers, also of those that run at the vendor and are known to it alone: they may send data on.

    A kind that is neither `function` nor `custom` is a name too, without its date: what else such a tool is called does not change what it does.
    """
    for field in ("tools", "functions", "mcp_servers"):
        listed = wire.get(field)
        for found in cast("list[Any]", listed) if isinstance(listed, list) else ():
            yield from set(_names(found)) or {"?"}
    if "web_search_options" in wire:
        yield "web_search"


def _names(tool: Any) -> Iterator[str]:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}} | {"name": str(name)} | {"server_label": str(name)}:
            yield name
        case _:
            pass
    match tool:
        case {"type": str(kind)} if kind not in _OWN_TOOLS:
            yield _DATE.sub("", kind)
        case _:
            pass


def _integrity(call: Call) -> Integrity:
    """Return how far the least trusted part of a conversation is trusted."""
    least = Integrity.TRUSTED_USER
    for turn in call.turns:
        if turn.role == "assistant":
            least = min(least, Integrity.MODEL_OUTPUT)
        for part in turn.parts:
            if isinstance(part, ToolResult):
                least = min(least, Integrity.TOOL_OUTPUT)
            elif isinstance(part, Image) and part.url is not None:
                return Integrity.EXTERNAL
    return least
