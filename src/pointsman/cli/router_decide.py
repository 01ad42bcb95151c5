"""
`pointsman router decide`: for each prompt of a file, which model it goes to and what is expected of it.
"""

import secrets
from pathlib import Path
from typing import Any

import click
import msgspec

from pointsman.cli.options import Wrong, json_option, note, print_json, say, table, warn
from pointsman.cli.router_options import opened, store_option
from pointsman.control.evaluation import certifying, deciding, journal
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation.deciding import Decision
from pointsman.control.evaluation.engine import Guard
from pointsman.control.evaluation.fitted import Fitted
from pointsman.control.evaluation.modes import Mode, guard_of, mode_of
from pointsman.control.evaluation.promise import Promise
from pointsman.decision.guarantee.sequence import Proof


@click.command("decide", short_help="Choose a model for each prompt of a file.")
@click.option("--in", "source", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="Prompts: JSON lines, CSV or Parquet.")
@click.option("--mode", "told", required=True, metavar="MODE", help="share=0.5, lambda=0.3, risk=EPS,DELTA, online or online=PRICE,SHARE.")
@click.option("--out", "target", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where decisions are written, as JSON lines.")
@click.option("--answers", "is_cascade", is_flag=True, help="Look at the cheapest model's answer in `answers` before asking the best one too.")
@click.option("--guard", metavar="LOSS,SURE", help="Leave the best single model only if the loss is at most LOSS with probability SURE, such as 0.02,0.9.")
@click.option("--each", "is_each", is_flag=True, help="With risk=EPS,DELTA: prove it for each capability by itself, not for all of them together.")
@click.option("--seed", type=int, default=0, show_default=True, help="What chance depends on when exploring.")
@store_option
@json_option
def decide_command(folder: Path, *, source: Path, told: str, target: Path, as_json: bool, **how: Any) -> None:
    """
    Choose a model for each prompt. A line of the input is an object with a `prompt` and, if they are known, `capability`, `id` and `answers` by model.

    share=S sends exactly S of the prompts in the file to the best single model. lambda=L takes what is worth most, where L in quality is the price of what the
    dearest model costs on average. risk=EPS,DELTA leaves the best single model only where it is proven, with probability 1 - DELTA, to lose at most EPS on the
    mean over all prompts like the proven ones; with --each on the mean over those of each capability. online takes what is worth most and tries others now and
    then, with the probabilities on record. With --guard, lambda and online leave the best single model only where it is safe: prompts unlike anything seen stay
    with it.
    """
    mode = mode_of(told)
    if how["is_each"] and mode.kind != "risk":
        raise Wrong("Only a promise is proven for each capability by itself. Use --each with --mode risk=EPS,DELTA, or leave it out.")
    several = deciding.asked(source)
    with opened(folder) as store:
        value = learning.kept(store)
        promise: Promise | None = None
        if how["is_cascade"]:
            found = deciding.cascade(value, several, mode=mode)
        elif mode.kind == "risk":
            value, promise = certifying.certified(store.grid(), value, risk=(mode.loss, mode.sure), is_each=how["is_each"])
            found = deciding.under(promise, value, several=several)
        else:
            found = deciding.choice(value, several, mode=mode, seed=how["seed"], guard=_guard(how["guard"], value, mode=mode))
        before = journal.log(store, deciding.journaled(value, several, found=found))
    lines = deciding.decisions(value, several, found=found)
    _write(target, lines)
    _tell(lines, mode=mode, promise=promise, price=found.way.price, as_json=as_json)
    if before:
        note(f"{before} of these ids were decided otherwise before: what is told of an id is about its last decision. Give `model` with it to tell of another.")


def _guard(told: str | None, value: Fitted, *, mode: Mode) -> Guard | None:
    if told is None:
        return None
    if mode.kind == "share":
        raise Wrong("A share of calls is exact, so a guard has no say in it. Use lambda=… or online with --guard, or leave it out.")
    loss, sure = guard_of(told)
    return Guard(strong=value.ends.strong, loss=loss, sure=sure)


def _write(path: Path, lines: list[Decision]) -> None:
    """Write the file whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    encoder = msgspec.json.Encoder()
    try:
        draft.write_bytes(b"".join(encoder.encode(line) + b"\n" for line in lines))
        draft.replace(path)
    except OSError as error:
        raise Wrong(f"`{path}` cannot be written ({error.strerror}). Name a file in a folder that is there and may be written.") from error
    finally:
        draft.unlink(missing_ok=True)


def _tell(lines: list[Decision], *, mode: Mode, promise: Promise | None, price: float | None, as_json: bool) -> None:
    went: dict[str, int] = {}
    for line in lines:
        went[line.model] = went.get(line.model, 0) + 1
    took = sorted(line.cpu_us for line in lines)
    p50, p99 = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]
    if as_json:
        known = {} if promise is None else {"promise": promise}
        print_json({"prompts": len(lines), "models": went, "lambda": price, "cpu_us": {"p50": p50, "p99": p99}, **known})
        return
    say(f"{len(lines)} prompts decided, {p50:.0f} µs of CPU each (p99 {p99:.0f}).")
    click.echo(table(["model", "prompts", "share"], [[model, str(count), f"{count / len(lines):.1%}"] for model, count in sorted(went.items())]))
    if mode.kind == "share" and price is not None:
        note(f"About the same as --mode lambda={price:.4g}, which decides each prompt by itself.")
    if promise is not None:
        _tell_promise(promise, mode)


def _tell_promise(promise: Promise, mode: Mode) -> None:
    if promise.parts:
        _tell_parts(promise, mode)
        return
    if promise.threshold is None:
        lacks = f"{promise.missing} pairs are missing" if promise.missing else "the labels do not bear it out"
        warn(f"Nothing is proven with {promise.pairs} pairs ({lacks}), so every prompt goes to the best single model. Import more scored prompts.")
        return
    say(
        f"With probability {mode.sure:.0%} over the draw of {promise.pairs} pairs that were not learned from, the expected loss of quality is at most"
        f" {mode.loss:g} on prompts like these (seen {promise.mean:.4f}, bound {promise.bound:.4f})."
    )
    if len(promise.capabilities) > 1:
        say(f"It is about the mean over the mix of {len(promise.capabilities)} capabilities in these pairs: one of them alone may lose more. See --each.")
    note("Nothing is promised for capabilities without pairs: their prompts go to the best single model.")


def _tell_parts(promise: Promise, mode: Mode) -> None:
    """Tell what was proven for each capability by itself."""
    rows = [[one.capability or "-", f"{one.proof.pairs}", *_part(one.proof)] for one in promise.parts]
    click.echo("\n" + table(["capability", "pairs", "leave the best", "loss seen", "at most"], rows))
    proven = sum(1 for one in promise.parts if one.proof.threshold is not None)
    say(
        f"With probability {mode.sure:.0%} over the draw of its pairs, the expected loss of quality on prompts like those of one such capability is at most"
        f" {mode.loss:g}. It is proven for {proven} of {len(promise.parts)}, for each with this probability by itself; others stay with the best single model."
    )
    note("Nothing is promised for capabilities without pairs: their prompts go to the best single model.")


def _part(proof: Proof) -> list[str]:
    if proof.threshold is None:
        lacks = f"{proof.missing} pairs are missing" if proof.missing else "the labels do not bear it out"
        return ["-", "-", lacks]
    return [f"{proof.share_elsewhere:.0%}", f"{proof.mean:+.4f}", f"{proof.bound:.4f}"]
