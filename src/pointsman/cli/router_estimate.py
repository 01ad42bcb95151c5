"""
`pointsman router estimate`: what another policy would have been worth, from decisions that were made with chance and what came of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import click
import msgspec
import numpy as np

from pointsman.cli.options import Wrong, json_option, note, print_json, say, table
from pointsman.cli.router_options import opened, store_option
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation import journal, proposals
from pointsman.control.evaluation.grid import Floats
from pointsman.control.evaluation.journal import Decided, Told
from pointsman.control.policies.estimate import Estimate, Method, change, estimate
from pointsman.control.policies.evidence import Evidence, Log, evidence_of, numbered

_METHODS: Final = ("doubly_robust", "snips", "ips", "direct")
_DEAREST: Final = 1.0
_ROUNDING: Final = 1e-9


@click.command("estimate", short_help="Estimate what another policy would have been worth.")
@click.option("--policy", required=True, metavar="POLICY", help="share=0.5, lambda=0.3, always=MODEL, or a file of another policy's decisions.")
@click.option("--method", type=click.Choice(_METHODS), default=_METHODS[0], show_default=True, help="How it is estimated.")
@store_option
@json_option
def estimate_command(folder: Path, *, policy: str, method: str, as_json: bool) -> None:
    """
    Estimate the quality and the cost of another policy from decisions that were made with --mode online and the feedback on them, with 95 % intervals.

    It is refused where the log holds too little of what the policy would do. A line of a file of decisions has an id that was decided here, and a model or
    probabilities by model.
    """
    with opened(folder) as store:
        value = learning.kept(store)
        several = [(one, came) for one, came in journal.logged(store) if came is not None]
    if not several:
        raise Wrong("No decision has feedback yet. Decide with --mode online, and tell what came of it with `pointsman router feedback FILE`.")
    decided = [one for one, _ in several]
    models = proposals.models_of(decided)
    proposed = proposals.proposed(policy, decided, models=models, strong=value.strong)
    unit = 1.0 if value.unit is None else value.unit
    rewards = {
        "quality": np.array([came.score for _, came in several]),
        "cost": unit * np.array([_paid(one, came, unit=unit) for one, came in several]),
    }
    found: dict[str, tuple[float, Estimate, Estimate]] = {}
    for name, reward in rewards.items():
        evidence = _evidence(decided, proposed, models=models, of=name, reward=reward, scale=unit if name == "cost" else 1.0)
        found[name] = (float(reward.mean()), estimate(evidence, cast("Method", method)), change(evidence))
    _tell(found, policy=policy, as_json=as_json)


def _paid(one: Decided, came: Told, *, unit: float) -> float:
    """Return what a decision cost in units of the dearest model: what was told, or else what was expected."""
    return one.cost.get(one.model, _DEAREST) if came.cost is None else came.cost / unit


def _evidence(decided: Sequence[Decided], proposed: Floats, *, models: Sequence[str], of: str, reward: Floats, scale: float) -> Evidence:
    place = {model: at for at, model in enumerate(models)}
    missing = 0.0 if of == "quality" else _DEAREST
    return evidence_of(
        Log(
            reward=reward,
            action=np.array([place[one.model] for one in decided]),
            behaviour=proposals.matrix(decided, models, of="probability", missing=0.0),
            proposed=proposed,
            predicted=scale * proposals.matrix(decided, models, of=of, missing=missing),
            cluster=numbered([(one.capability, one.prompt) for one in decided]),
        )
    )


def _tell(found: Mapping[str, tuple[float, Estimate, Estimate]], *, policy: str, as_json: bool) -> None:
    worth = found["quality"][1]
    if as_json:
        told = {name: {"logged": logged, "proposed": msgspec.to_builtins(one), "change": msgspec.to_builtins(by)} for name, (logged, one, by) in found.items()}
        print_json({"policy": policy, "decisions": worth.decisions, "effective": worth.effective, **told})
        return
    say(f"{worth.decisions} decisions with feedback, worth {worth.effective:.0f} of the policy `{policy}`; {worth.method.replace('_', ' ')}.")
    rows = [_row(name, logged, one=one, by=by) for name, (logged, one, by) in found.items()]
    click.echo(table(["", "logged", "proposed", "change"], rows))
    note("In brackets 95 % intervals; prompts, not decisions, are what they are over.")


def _row(name: str, logged: float, *, one: Estimate, by: Estimate) -> list[str]:
    # What is nothing but the rounding of sums is shown as no change.
    value, low, high = (0.0 if abs(figure) < _ROUNDING * abs(logged) else figure for figure in (by.value, by.low, by.high))
    return [name, f"{logged:.6g}", f"{one.value:.6g} [{one.low:.6g}, {one.high:.6g}]", f"{value:+.6g} [{low:+.6g}, {high:+.6g}]"]
