"""
What is wrong with an audit log whose signatures do not hold.
"""

from pointsman.core.errors import Unusable


class AuditDamaged(Unusable):
    """The audit log on disk is not the one that was signed. Remedy: run `pointsman audit verify`, keep the folder as evidence, and name a new one."""

    code = "audit_damaged"
