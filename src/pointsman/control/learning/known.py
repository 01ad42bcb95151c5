"""
What is known of each target in each capability, as a table.
"""

from msgspec import Struct

from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt


class Known(Struct, frozen=True, kw_only=True):
    """
    One target in one capability. `quality` in 0..1 lies between `low` and `high` with 90 %; `labels` is how many judgements it rests on.

    Cost in nano-dollars and seconds are those of an answer as a rule; None is unknown.
    """

    capability: str
    target: str
    quality: float
    low: float
    high: float
    labels: float
    cost_nano_usd: float | None
    latency_s: float | None


def known(parameters: Parameters, *, embedder: Embedder | None = None) -> tuple[Known, ...]:
    """Return what is known, in the order of capabilities and targets. `embedder` is the one that the parameters were learned with."""
    predictor = Predictor(parameters, embedder=embedder)
    found: list[Known] = []
    for cell in parameters.cells:
        (seen,) = predictor.predict(Prompt(capability=cell.capability, task=cell.task), [cell.target])
        found.append(
            Known(
                capability=cell.capability,
                target=cell.target,
                quality=seen.quality,
                low=seen.low,
                high=seen.high,
                labels=seen.labels,
                cost_nano_usd=seen.cost_nano_usd,
                latency_s=seen.latency_s,
            )
        )
    return tuple(found)
