"""
Learning by what words mean: the table of tokens is made once, parameters name it, calls are looked at by it, and a lost one is told.

With a tiny encoder in place of the real one. Tickets about cats go well, those about dogs do not.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.app.learning_site import NOW_MS, Site
from tests.app.test_semantic import installed
from tests.decision.prediction.encoders import install

from pointsman.app import semantic
from pointsman.app.distilling import Apart
from pointsman.app.gateway import Gateway
from pointsman.app.learned import folder_of, parameters_of, reader_of
from pointsman.app.learning import MAKING, Learner
from pointsman.app.learning_room import LearningRoom
from pointsman.core.errors import ExtraMissing
from pointsman.decision.prediction.embedding import Embedder
from pointsman.decision.prediction.parameters import Parameters
from pointsman.decision.prediction.predictor import Predictor
from pointsman.decision.prediction.values import Prompt
from pointsman.storage.learned import TableLost

_BY_VALUE = "routing: {by: value}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A gateway on a machine with the extra."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(semantic, "installed", installed)
    found = Site(tmp_path)
    yield found
    found.gateway.close()


class Looked:
    """What a predictor keeps of tickets, for the ledger."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._number = 0

    def __call__(self, is_good: bool) -> str:
        self._number += 1
        word = "cat" if is_good else "dog"
        return b64encode(self._predictor.features(Prompt(text=f"the {word} word{self._number % 300} {word}s", capability="triage"))).decode()


def looked_at(site: Site) -> Looked:
    """Return how the gateway looks at tickets now: the same ones each time."""
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    return Looked(learned.predictor)


def learn(site: Site) -> Parameters:
    found = site.learner.round()
    assert found.is_new, found.says
    site.reload()
    return parameters_of(site.gateway.settings)


def begun(site: Site) -> Parameters:
    """Learn first from what nobody looked at, then from tickets that were looked at."""
    site.tell("small", good=20, bad=20)
    learn(site)
    looks = looked_at(site)
    site.tell("small", good=25, bad=25, features=looks)
    site.tell("large", good=25, bad=25, features=looks)
    return learn(site)


def quality(site: Site, text: str) -> float:
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    (found,) = learned.predictor.predict(Prompt(text=text, capability="triage"), ["small"])
    return found.quality if found.basis == "prompt" else -1.0


def test_what_words_mean_is_learned_from_calls_that_were_looked_at_by_the_table(site: Site) -> None:
    site.tell("small", good=20, bad=20)
    first = learn(site)
    assert folder_of(site.gateway.settings).has_table(first.table)
    assert first.prompts == b""  # nobody had looked at those calls
    looks = looked_at(site)
    site.tell("small", good=25, bad=25, features=looks)
    site.tell("large", good=25, bad=25, features=looks)

    second = learn(site)
    assert second.table == first.table
    assert second.prompts != b""
    assert quality(site, "the cat word7 cats") > quality(site, "the dog word7 dogs") + 0.2
    assert [one.target for one in LearningRoom(site.gateway).known()] == ["large", "small"]


def test_a_lost_table_is_told_with_the_way_back_and_incumbents_answer(site: Site) -> None:
    begun(site)
    table = next(folder_of(site.gateway.settings).folder.glob("*.table"))
    kept = table.read_bytes()
    table.unlink()
    with closing(Gateway(site.load(), environ={}, clock=site.clock)) as restarted:
        assert "is not in `learned`" in restarted.notes()["learned"]
        assert "pointsman learn --anew" in restarted.notes()["learned"]
        assert restarted.learned.of(restarted.settings) is None
        room = LearningRoom(restarted)
        assert room.trouble is not None
        assert room.known() == ()
        table.write_bytes(kept)
        restarted.prepare(restarted.settings)
        assert restarted.notes() == {}
        assert restarted.learned.of(restarted.settings) is not None


def test_a_lost_table_is_made_again_where_the_extra_is_and_else_the_round_says_what_to_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(site)
    folder = folder_of(site.gateway.settings)
    next(folder.folder.glob("*.table")).unlink()
    site.tell("small", good=20, bad=0)
    assert learn(site).prompts != b""
    assert folder.has_table(parameters_of(site.gateway.settings).table)

    next(folder.folder.glob("*.table")).unlink()
    monkeypatch.setattr(semantic, "installed", lambda: None)
    site.tell("small", good=20, bad=0)
    with pytest.raises(TableLost):
        site.learner.round()
    site.now_ms += 3_600_000
    assert site.learner.look() is None
    assert "is not in `learned`" in (site.learner.trouble or "")
    anew = site.learner.round(by_hand=True, anew=True)  # as the message says
    assert anew.is_new
    assert "100 prompts were looked at in another way and teach nothing of prompts." in anew.version.why


def test_another_way_of_looking_lets_go_of_what_is_known_of_prompts_and_says_so(site: Site) -> None:
    site.configure(_BY_VALUE, "learning: {embedding: hashed}")
    hashed = begun(site)
    assert (hashed.table, hashed.prompts != b"") == ("", True)
    site.configure(_BY_VALUE, "learning: {embedding: auto}")
    site.tell("small", good=20, bad=0, features=looked_at(site))
    assert learn(site).table == ""  # nothing else could be added to what is known

    site.configure(_BY_VALUE, "learning: {embedding: semantic}")
    site.tell("small", good=20, bad=0, features=looked_at(site))
    other = site.learner.round()
    site.reload()
    assert other.version.why[-2:] == (
        "Prompts are looked at in another way from now on, so what was known of them is learned anew.",
        "100 prompts were looked at in another way and teach nothing of prompts.",
    )
    assert parameters_of(site.gateway.settings).table
    assert quality(site, "the cat word7 cats") == -1.0
    looks = looked_at(site)
    site.tell("small", good=25, bad=25, features=looks)
    assert learn(site).prompts != b""
    assert quality(site, "the cat word7 cats") > quality(site, "the dog word7 dogs")


def test_a_roll_back_brings_back_the_table_of_then(site: Site) -> None:
    begun(site)
    then, digest = parameters_of(site.gateway.settings), site.gateway.stages.snapshot.digest
    site.configure(_BY_VALUE, "learning: {embedding: hashed}")
    site.tell("small", good=20, bad=20)
    assert learn(site).table == ""
    site.roll_back(to=digest)
    assert parameters_of(site.gateway.settings) == then
    assert quality(site, "the cat word7 cats") > 0.5


def test_while_another_process_makes_the_table_nothing_is_learned_and_then_it_is(site: Site) -> None:
    with closing(Apart()) as apart:
        learner = Learner(lambda: site.gateway.settings, price_of=site.gateway.prices.of, now_ms=site.clock.wall_ms, make=apart)
        site.tell("small", good=20, bad=20)
        first = learner.look()
        assert first is not None
        assert (first.is_new, first.says, learner.trouble) == (False, MAKING, None)
        assert apart._running is not None
        apart._running.wait(timeout=30)
        site.now_ms += 1  # it is looked for again at once, and not only when it is time to learn
        found = learner.look()
    assert found is not None
    assert found.is_new
    site.reload()
    assert folder_of(site.gateway.settings).has_table(parameters_of(site.gateway.settings).table)
    assert site.now_ms > NOW_MS


def test_who_asks_for_meaning_without_the_extra_is_told_what_to_install(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "installed", lambda: None)
    site.configure(_BY_VALUE, "learning: {embedding: semantic}")
    site.tell("small", good=20, bad=0)
    with pytest.raises(ExtraMissing, match=r"pointsman\[semantic\]"):
        site.learner.round()


def test_without_the_extra_calls_are_looked_at_by_their_words_so_that_there_is_something_to_learn_from(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "installed", lambda: None)
    assert begun(site).prompts != b""
    learned = site.gateway.learned.of(site.gateway.settings)
    assert learned is not None
    assert learned.predictor.features(Prompt(text="a cat")) == Embedder().features("a cat")


def test_a_table_that_is_in_use_is_not_read_again_and_one_that_was_replaced_is(site: Site) -> None:
    begun(site)
    settings, parameters = site.gateway.settings, parameters_of(site.gateway.settings)
    folder = folder_of(settings)
    learned = site.gateway.learned.of(settings)
    assert learned is not None
    assert reader_of(settings, parameters) is learned.predictor.embedder
    (folder.folder / f"{parameters.table}.table").write_bytes(b"somebody wrote over this")
    with pytest.raises(TableLost, match="is damaged"):
        reader_of(settings, parameters)
