"""
What a rule says to a call that must not be answered.
"""

from pointsman.core.errors import Refused


class Vetoed(Refused):
    """A rule of the capability said no. Remedy: the message is the rule's own; ask the capability's owner."""

    code = "vetoed"

    def __init__(self, *, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
