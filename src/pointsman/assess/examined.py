"""
A checked answer: its grade, with everything else that speaks for or against it.
"""

from msgspec.structs import replace

from pointsman.assess.agreement import agreement
from pointsman.assess.signals import evidence, text_of
from pointsman.core.attempt import Grade
from pointsman.core.call import Call
from pointsman.core.reply import Reply


def examined(grade: Grade, reply: Reply, *, call: Call, other: Reply | None) -> Grade:
    """Return the grade with the evidence of the reply to a call. `other` is what a second target said to the same call."""
    told = evidence(reply, call)
    if other is not None:
        told["agrees"] = agreement(text_of(reply), text_of(other))
    return replace(grade, evidence={**grade.evidence, **told})
