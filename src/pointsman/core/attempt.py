"""
Permission to run one call at one target, once; and what the answer was worth.

A place receives an `Attempt` and nothing else. Only `pipeline` makes one (held by `tests/test_shape.py`), and only from a verdict that
permits the target, so no code path can send data to a place that governance did not allow.
"""

from collections.abc import Mapping

from msgspec import Struct

from pointsman.core.call import Call
from pointsman.core.capability import Capability
from pointsman.core.errors import NotPermitted
from pointsman.core.http import Deadlines
from pointsman.core.principal import Principal
from pointsman.core.target import Target
from pointsman.core.verdict import Duty, Verdict


class Attempt(Struct, frozen=True, kw_only=True):
    """One try at one target. `met` are the duties that the call, as it is here, fulfils; `deadlines` what is left of its own; `span` its `traceparent`."""

    call: Call
    principal: Principal
    capability: Capability
    target: Target
    verdict: Verdict
    deadlines: Deadlines
    met: frozenset[Duty] = frozenset()
    span: str = ""

    def __post_init__(self) -> None:
        """Refuse a target that the verdict does not permit, or at which something is still owed."""
        if not (self.verdict.permits(self.target) and self.verdict.owes(self.target) <= self.met):
            raise NotPermitted(what=f"the target `{self.target.name}`", who=self.principal.key.key_id)


class Grade(Struct, frozen=True, kw_only=True):
    """Whether a reply is good enough, and if not, why (a reason code and a sentence). `evidence` is what else speaks for it: signal → number."""

    passed: bool
    code: str = "ok"
    says: str = ""
    evidence: Mapping[str, float] = {}
