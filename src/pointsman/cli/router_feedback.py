"""
`pointsman router feedback`: what came of decisions, and what it teaches.
"""

from pathlib import Path
from typing import Final

import click

from pointsman.cli.options import json_option, note, print_json
from pointsman.cli.router_options import opened, store_option
from pointsman.control.evaluation import fitted as learning
from pointsman.control.evaluation import journal
from pointsman.control.evaluation.cells import BadCell, Cells, cost_of, score_of, text_of
from pointsman.control.evaluation.fitted import Fitted
from pointsman.control.evaluation.journal import News, Told
from pointsman.control.evaluation.store import Store
from pointsman.control.evaluation.tables import raw

_MOST_TOLD: Final = 50


@click.command("feedback", short_help="Tell what came of decisions, and learn from it.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@store_option
@json_option
def feedback_command(folder: Path, *, file: Path, as_json: bool) -> int:
    """
    Tell what came of decisions: rows with a score (0 to 1), an id that `pointsman router decide` wrote or a prompt (and capability), and if they are known
    model and cost. With an id, the model is the one that was chosen, unless another is named.

    Good rows are learned from at once; bad ones are told with their numbers. What was told already teaches nothing more.
    """
    bad: list[str] = []
    with opened(folder) as store:
        value = learning.kept(store)
        told: list[Told] = []
        for row, cells in raw(file)[1]:
            try:
                told.append(_told(store, cells))
            except BadCell as error:
                bad.append(f"row {row}, column {error}")
        with store.writing():
            news = journal.tell(store, told)
            learning.keep(store, _taught(store, value, news=news))
    if as_json:
        print_json({"learned": len(news.added), "changed": len(news.changed), "same": news.same, "refused": len(bad), "bad": bad})
        return 1 if bad else 0
    click.echo(f"{len(news.added)} rows learned, {len(news.changed)} changed, {news.same} told before.")
    for says in bad[:_MOST_TOLD]:
        note(says)
    if bad:
        note(f"{len(bad)} rows were left out. Correct them and give the file again: what was told counts once.")
    return 1 if bad else 0


def _taught(store: Store, value: Fitted, *, news: News) -> Fitted:
    """Learn what is new. What was learned wrongly cannot be taken back: then all is learned again from what was fitted."""
    return learning.taught(learning.kept(store, is_first=True), journal.all_told(store)) if news.changed else learning.taught(value, news.added)


def _told(store: Store, cells: Cells) -> Told:
    name, model = text_of(cells, "id", is_needed=False), text_of(cells, "model", is_needed=False)
    score = score_of(cells.get("score"))
    if score is None:
        raise BadCell("score", "is empty. Give a number between 0 and 1.")
    if name:
        found = store.decision(name)
        if found is None:
            raise BadCell("id", f"`{name[:40]}` was not decided here. Give an id that `pointsman router decide` wrote, or the prompt.")
        prompt, capability, chosen = found
        return Told(id=name, model=model or chosen, prompt=prompt, capability=capability, score=score, cost=cost_of(cells.get("cost")))
    if not model:
        raise BadCell("model", "is empty. Name the model, or give the id of a decision.")
    prompt, capability = text_of(cells, "prompt"), text_of(cells, "capability", is_needed=False)
    return Told(id=journal.of_prompt(prompt, capability), model=model, prompt=prompt, capability=capability, score=score, cost=cost_of(cells.get("cost")))
