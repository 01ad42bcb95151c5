"""
What was learned, ready for choices: one value per set of parameters in force, shared by all calls under its snapshot.
"""

from pointsman.decision.answers.verifier import Verifier
from pointsman.decision.guarantee.certificate import Standing, decode, predicting
from pointsman.decision.prediction.predictor import Predictor


class Learned:
    """Predicts with the parameters named `digest`, judges answers, and knows what is promised. `keep` replaces what a capability is promised."""

    def __init__(self, predictor: Predictor, *, digest: str) -> None:
        self.predictor = predictor
        self.digest = digest
        parameters = predictor.parameters
        # Promises are about what predicts, and are kept beside it: the name of both together would change with each promise.
        self.predictions = predicting(parameters) if parameters.certificates else ""
        self._verifiers = {capability: Verifier(kept) for capability, kept in parameters.verifiers.items()}
        self._standings = {capability: decode(kept) for capability, kept in parameters.certificates.items()}

    def verifier(self, capability: str) -> Verifier:
        """Return who judges the answers of a capability; without labels it goes by declared signals."""
        return self._verifiers.get(capability) or Verifier()

    def standing(self, capability: str) -> Standing | None:
        """Return the certificate of a capability and the drift since, or None."""
        return self._standings.get(capability)

    def keep(self, capability: str, standing: Standing) -> None:
        """Remember what was seen of the traffic since the certificate was made."""
        self._standings[capability] = standing
