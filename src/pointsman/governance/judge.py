"""
Where data may go: label → verdict.

- A label is the strictest of what the key declares and what the request declares; a request can only tighten it.
- Data above a capability's ceiling goes nowhere.
- A target is permitted if it accepts the label. What is not permitted by this rule is closed.
- Rules run inside this process and see every label. The cache never keeps restricted data.
- Total and pure: every label has a verdict, worked out once per snapshot. Nothing here sends, stores or detects.
"""

from collections.abc import Mapping

from pointsman.core.capability import Capability
from pointsman.core.errors import NoPlaceAllowed
from pointsman.core.label import Level
from pointsman.core.principal import Principal
from pointsman.core.snapshot import CACHE_BIT, RULES_BIT, Snapshot
from pointsman.core.target import Target
from pointsman.core.verdict import Reason, Verdict


def label_of(declared_by_key: Level, declared_by_request: Level | None) -> Level:
    """Return the strictest of what was declared."""
    return declared_by_key if declared_by_request is None else max(declared_by_key, declared_by_request)


def verdict_on(label: Level, snapshot: Snapshot) -> Verdict:
    """Return where data of this label may go."""
    mask = 1 << RULES_BIT
    if label < Level.RESTRICTED:
        mask |= 1 << CACHE_BIT
    for target in snapshot.targets.values():
        if target.accepts >= label:
            mask |= 1 << target.bit
    return Verdict(label=label, mask=mask, snapshot=snapshot.digest)


def reason(target: Target, verdict: Verdict) -> Reason:
    """Tell why a target is open or closed under a verdict."""
    label = verdict.label.name.lower()
    if verdict.permits(target):
        return Reason(code="permitted", says=f"accepts data up to `{target.accepts.name.lower()}`; this is `{label}`")
    return Reason(code=f"policy:{label}", says=f"accepts data up to `{target.accepts.name.lower()}` only; this is `{label}`")


class Policy:
    """The verdicts of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._verdicts: Mapping[Level, Verdict] = {label: verdict_on(label, snapshot) for label in Level}

    def judge(self, principal: Principal, declared: Level | None, *, capability: Capability) -> Verdict:
        """Return the verdict on a call. Raises `NoPlaceAllowed` for data above the capability's ceiling."""
        label = label_of(principal.key.data_class, declared)
        if label > capability.ceiling:
            raise NoPlaceAllowed(capability=capability.name, data_class=label.name.lower())
        return self._verdicts[label]
