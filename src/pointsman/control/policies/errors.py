"""
What an estimate of a policy cannot be made from.
"""

from pointsman.core.errors import Refused


class TooLittleEvidence(Refused):
    """
    The log holds too little of what the proposed policy would do. Remedy: let the capability explore (`routing.explore`), wait for more outcomes, or propose
    a policy that is nearer to the one in force.
    """

    code = "too_little_evidence"

    def __init__(self, *, effective: float, least: float, unsupported: float = 0.0) -> None:
        never = f", and {unsupported:.0%} of what it would do was never tried" if unsupported else ""
        super().__init__(
            f"What was logged is worth {effective:.0f} decisions of the proposed policy{never}; an estimate needs {least:.0f}, and no more than 5 % untried. "
            "Let the capability explore (`routing.explore`), wait for more outcomes, or propose a policy that is nearer to the one in force."
        )
        self.effective = effective
        self.least = least
        self.unsupported = unsupported
