"""
The walk through the stages, for calls that the command line cannot make.
"""

import json
from pathlib import Path

import pytest
from tests.values import CALL_ID, Time

from pointsman.app.explain import Explanation, explain, rehearsing
from pointsman.app.facts import Prices, facts
from pointsman.core.place import Dialect
from pointsman.core.principal import Principal
from pointsman.intake.keys import LOCAL
from pointsman.settings.load import parse
from pointsman.surfaces.registry import BY_DIALECT

FILE = "capabilities:\n  support: {ladder: [anthropic/claude-haiku-5-5, openai/gpt-6-luna]}\n"
ENVIRON = {"OPENAI_API_KEY": "sk-of-the-tests", "ANTHROPIC_API_KEY": "sk-of-the-tests"}


def explained(folder: Path, *, file: str = FILE, environ: dict[str, str] | None = None, **fields: object) -> Explanation:
    clock = Time(wall_ms=1_796_000_000_000).clock
    settings = parse(file, folder / "pointsman.yaml", facts=facts(Prices(clock.wall_ms)))
    body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "Hello"}], **fields}).encode()
    call = BY_DIALECT[Dialect.OPENAI_CHAT].decode(body, CALL_ID)
    with rehearsing(settings, environ=ENVIRON if environ is None else environ, clock=clock) as rehearsal:
        return explain(rehearsal, call, principal=Principal(key=LOCAL), declared=None)


def test_what_the_other_protocol_cannot_say_keeps_a_target_out_and_is_named(tmp_path: Path) -> None:
    told = explained(tmp_path, logit_bias={"5": 1})

    anthropic, openai = told.candidates
    assert (anthropic.order, anthropic.protocol, anthropic.says) == (None, "other", "its protocol cannot express `logit_bias`")
    assert (openai.order, openai.protocol, openai.says) == (1, "same", "it comes after `anthropic/claude-haiku-5-5`")
    assert told.answered_by == "openai/gpt-6-luna"


def test_the_candidates_stand_in_the_order_of_the_ladder(tmp_path: Path) -> None:
    assert [(one.target, one.order) for one in explained(tmp_path).candidates] == [("anthropic/claude-haiku-5-5", 1), ("openai/gpt-6-luna", 2)]


def test_without_any_credential_the_refusal_is_the_callers(tmp_path: Path) -> None:
    told = explained(tmp_path, environ={})

    assert [one.credential for one in told.candidates] == ["missing", "missing"]
    assert (told.answered_by, told.refusal is None) == (None, False)


def test_a_rule_answers_even_where_no_target_could(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("name,then,answer\nalways,answer,Hello yourself.\n")

    told = explained(tmp_path, file=FILE.replace("]}", "], rules: rules.csv}"), environ={})

    assert (told.answered_by, told.refusal) == ("rules", None)


@pytest.mark.parametrize("tokens", [1, 1000])
def test_an_estimate_is_the_price_of_the_tokens_it_names(tmp_path: Path, tokens: int) -> None:
    told = explained(tmp_path, max_completion_tokens=tokens)

    # $0.10 in and $0.50 out per million tokens: 100 and 500 nano-dollars each
    assert (told.tokens_in, told.tokens_out) == (2, tokens)
    assert [one.estimate_nano_usd for one in told.candidates] == [2 * 100 + tokens * 500] * 2
    assert told.candidates[1].price.startswith("$0.10 in, $0.50 out per million tokens (genai-prices:")
