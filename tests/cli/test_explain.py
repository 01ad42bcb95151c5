"""
`pointsman explain`: what would happen, told by the stages that would do it.
"""

import socket
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.cli.running import Gateway

FILE = (
    """\
vendors:
  lab: {kind: vllm, base_url: "http://127.0.0.1:9/v1"}
targets:
  small:
    {vendor: lab, model: qwen3, context_tokens: 100, max_output_tokens: 60, features: [stream, schema], hardware: {hourly_usd: 1.1}}
  draft: {vendor: lab, model: nameless}
capabilities:
  support: {ladder: [small, openai/gpt-6-luna, anthropic/claude-haiku-5-5], data_class: confidential}
  ruled: {ladder: [openai/gpt-6-luna], rules: rules.yaml, cache: {ttl_s: 60}}
  judged: {ladder: [draft], rules: after.yaml}
  unpriced: {ladder: [draft], cache: true, data_class: restricted}
  closed: {ladder: [anthropic/claude-haiku-5-5]}
keys:
  web: {sha256: "WEB", capabilities: [support]}
  all: {sha256: "ALL", scopes: [call, raw_targets]}
  mute: {sha256: "MUTE", scopes: [outcomes]}
limits:
  - {name: tiny, by: capability, only: support, tokens_per_minute: 10000}
""".replace("WEB", "a" * 64)
    .replace("ALL", "b" * 64)
    .replace("MUTE", "c" * 64)
)

RULES = """\
rows:
  - {name: no-refunds, when: 'text.contains("refund")', then: veto, message: Refunds go to a person.}
  - {name: hours, when: 'text.contains("open")', then: answer, answer: We open at nine.}
"""
AFTER = "rows:\n  - {name: polite, phase: after, when: 'answer.contains(\"!\")', then: veto, message: Too loud.}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    del run  # it cleans the environment first
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-tests")
    (tmp_path / "pointsman.yaml").write_text(FILE)
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "after.yaml").write_text(AFTER)
    return tmp_path


def why(told: dict[str, list[dict[str, str]]], target: str) -> str:
    return next(one["says"] for one in told["candidates"] if one["target"] == target)


def step(told: dict[str, list[dict[str, str]]], stage: str) -> tuple[str, str]:
    return next((one["state"], one["says"]) for one in told["steps"] if one["stage"] == stage)


def test_every_candidate_is_shown_with_why_it_is_in_or_out(run: Run) -> None:
    done = run("explain", "--capability", "support", "Where is my parcel?")

    lines = [line.split() for line in done.out.split("\n")]
    assert done.code == 0
    assert ["1", "small", "private", "yes", "yes", "same", "-", "hardware"] in lines
    assert ["2", "openai/gpt-6-luna", "cloud", "owed", "yes", "same", "set", "$0.00025"] in lines  # 5 tokens in at $0.10, 500 out at $0.50 a million
    assert ["-", "anthropic/claude-haiku-5-5", "cloud", "owed", "yes", "other", "missing", "$0.00025"] in lines
    assert "openai/gpt-6-luna is in: it comes after `small`, but first: pseudonymise internal." in done.out
    assert "anthropic/claude-haiku-5-5 is out: its credential is missing." in done.out
    assert "The call would be answered by `small`." in done.out
    assert max(map(len, (line for line in done.out.split("\n") if " is " not in line))) <= 80, "the table fits; what stands below it is wrapped"


def test_what_was_found_in_the_prompt_its_label_and_what_each_target_is_owed_are_told(run: Run) -> None:
    words = ("explain", "--capability", "support", "Write to anna.miller@example.com.")
    done, told = run(*words), run(*words, "--json").json

    assert "policy  passes   the data is `internal+personal`; found in it: 1 email" in done.out
    assert "openai/gpt-6-luna is in: it comes after `small`, but first: pseudonymise internal, pseudonymise personal." in done.out
    assert told["found"] == {"email": 1}
    assert [(one["target"], one["owed"]) for one in told["candidates"][:2]] == [
        ("small", []),
        ("openai/gpt-6-luna", ["pseudonymise internal", "pseudonymise personal"]),
    ]


def test_the_person_for_whom_an_application_calls_may_be_named(run: Run, folder: Path) -> None:
    limit = "limits:\n  - {name: few, by: user, only: default/bob, tokens_per_minute: 10}\n"
    (folder / "pointsman.yaml").write_text(FILE.partition("limits:")[0] + limit)

    told = {user: run("explain", "--capability", "support", "--user", user, "--json").json["refusal"] for user in ("ada", "bob")}
    assert told["ada"] is None
    assert "`few`" in told["bob"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--tools",), "it does not offer `tools`"),
        (("--images",), "it does not offer `images`"),
        (("--tools", "--images"), "it does not offer `images`, `tools`"),
        (("--max-tokens", "61"), "the answer may be longer than it allows"),
        (("x" * 404,), "the prompt and the answer are too long for it"),
        (("--schema", "--stream", "--max-tokens", "20"), "it stands first"),
        (("--tools", "--images", "--schema", "--protocol", "anthropic"), "it does not offer `images`, `tools`"),
        (("--protocol", "anthropic", "--max-tokens", "20"), "it stands first"),
    ],
)
def test_what_a_call_needs_decides_who_may_have_it(run: Run, words: tuple[str, ...], says: str) -> None:
    told = run("explain", "--capability", "support", *words, "--json").json

    assert why(told, "small") == says
    small = told["candidates"][0]
    assert (small["order"] is None) == (small["fit"] != "fits") == (says != "it stands first")


def test_policy_and_fit_are_told_apart(run: Run) -> None:
    told = run("explain", "--capability", "support", "--data-class", "confidential", "--tools", "--json").json

    small, openai, _ = told["candidates"]
    assert (small["policy"], small["fit"]) == ("permitted", "lacks:tools")
    assert (openai["policy"], openai["fit"]) == ("policy:summary:confidential", "fits")
    assert openai["says"].startswith("no rule permits `infer` with `confidential` data in the zone `public_api`")
    assert told["answered_by"] is None
    assert told["refusal"].startswith("No target of `support` can take this call")


def test_the_policy_is_said_to_refuse_where_it_closes_every_target(run: Run) -> None:
    told = run("explain", "--capability", "ruled", "--key-id", "all", "my card is 4111 1111 1111 1111", "--json").json

    assert step(told, "policy") == ("refuses", "the data is `financial+internal`; found in it: 1 card")
    assert told["refusal"].startswith("`ruled` has no target that may receive")


def test_a_secret_is_said_to_be_taken_out(run: Run) -> None:
    told = run("explain", "--capability", "support", "password: hunter2horse9X", "--json").json

    assert step(told, "policy") == ("passes", "the data is `internal`; found in it: 1 secret:value; secrets are taken out first")


def test_data_above_the_capability_is_refused_at_the_policy(run: Run) -> None:
    told = run("explain", "--capability", "support", "--data-class", "restricted", "--json").json

    assert step(told, "policy") == ("refuses", "the data is `restricted`, and the capability takes up to `confidential`")
    assert told["candidates"] == []
    assert "would be refused" in run("explain", "--capability", "support", "--data-class", "restricted").out


def test_the_row_that_would_answer_or_veto_is_told(run: Run) -> None:
    answers = run("explain", "--capability", "ruled", "Are you open?", "--json").json
    vetoes = run("explain", "--capability", "ruled", "I want a refund", "--json").json
    passes = run("explain", "--capability", "ruled", "Hello", "--json").json

    assert step(answers, "rules") == ("answers", "a row of `rules.yaml` answers: We open at nine.")
    assert answers["answered_by"] == "rules"
    assert step(vetoes, "rules") == ("refuses", "the row `no-refunds` of `rules.yaml` says: Refunds go to a person.")
    assert (vetoes["answered_by"], vetoes["refusal"]) == (None, "Refunds go to a person.")
    assert step(passes, "rules") == ("passes", "no row of `rules.yaml` fits before a model")


def test_the_cache_is_on_only_where_its_answers_may_be_kept(run: Run) -> None:
    on = run("explain", "--capability", "ruled", "Hello", "--json").json
    restricted = run("explain", "--capability", "unpriced", "--data-class", "restricted", "--json").json
    judged = run("explain", "--capability", "judged", "--json").json
    off = run("explain", "--capability", "support", "--json").json

    assert step(on, "cache") == ("may_answer", "an exact answer of the last 60 s would be given again, if there is one")
    assert step(restricted, "cache") == ("off", "no answer is kept for `restricted` data")
    assert step(judged, "rules")[1].endswith("its rows for answers judge what a model says")
    assert step(off, "cache") == ("off", "the capability keeps no answers")
    assert "unless the cache has it" in run("explain", "--capability", "ruled", "Hello").out


def test_a_target_without_a_price_has_an_unknown_estimate(run: Run) -> None:
    told = run("explain", "--capability", "unpriced", "--json").json

    assert (told["candidates"][0]["price"], told["candidates"][0]["estimate_nano_usd"]) == ("unknown", None)
    assert "unknown" in run("explain", "--capability", "unpriced").out


def test_a_longer_answer_costs_more(run: Run) -> None:
    short, long = (run("explain", "--capability", "ruled", "--max-tokens", number, "--json").json for number in ("100", "1000"))

    assert long["candidates"][0]["estimate_nano_usd"] - short["candidates"][0]["estimate_nano_usd"] == 900 * 500  # $0.50 a million
    assert (long["tokens_in"], long["tokens_out"]) == (2, 1000)


def test_the_key_is_the_first_that_may_use_the_capability_or_the_one_named(run: Run) -> None:
    assert run("explain", "--capability", "support", "--json").json["key"] == "web"
    assert run("explain", "--capability", "ruled", "--json").json["key"] == "all"
    assert run("explain", "--capability", "draft", "--json").json["key"] == "all"  # a target by its own name

    named = run("explain", "--capability", "ruled", "--key-id", "web", "--json").json
    assert step(named, "door")[0] == "refuses"
    assert step(run("explain", "--capability", "ruled", "--key-id", "mute", "--json").json, "door")[0] == "refuses"


def test_where_no_key_may_call_the_first_is_explained(run: Run, folder: Path) -> None:
    (folder / "pointsman.yaml").write_text(FILE[: FILE.index("  web:")] + FILE[FILE.index("  mute:") :])

    told = run("explain", "--capability", "support", "--json").json

    assert (told["key"], told["answered_by"]) == ("mute", None)


def test_a_call_that_no_limit_can_ever_hold_is_refused(run: Run) -> None:
    told = run("explain", "--capability", "support", "--max-tokens", "20000", "--json").json

    assert step(told, "limits")[0] == "refuses"
    assert "`tiny`" in told["refusal"]


def test_no_target_with_a_credential_is_told_as_the_caller_would_be(run: Run) -> None:
    assert "pointsman check" in run("explain", "--capability", "closed", "--json").json["refusal"]


@pytest.mark.parametrize(("words", "named"), [(("--capability", "suport"), "`support`"), (("--capability", "support", "--key-id", "nobody"), "`web`")])
def test_a_name_that_leads_nowhere_is_told_with_those_there_are(run: Run, words: tuple[str, ...], named: str) -> None:
    done = run("explain", *words)

    assert done.code == 1
    assert named in done.err


def test_nothing_is_written_and_nothing_is_sent(run: Run, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vendor:
        vendor.settimeout(0)
        text = FILE.replace("127.0.0.1:9", f"127.0.0.1:{vendor.getsockname()[1]}")
        (folder / "pointsman.yaml").write_text(text)
        before = sorted(path.name for path in folder.iterdir())

        assert run("explain", "--capability", "support").code == 0

        assert sorted(path.name for path in folder.iterdir()) == before
        with pytest.raises(BlockingIOError):
            vendor.accept()


@pytest.mark.parametrize("capability", ["support", "own"])
def test_what_is_explained_is_what_the_gateway_then_does(run: Run, gateway: Gateway, capability: str) -> None:
    told = run("explain", "Hello", "--capability", capability, "--config", str(gateway.folder / "pointsman.yaml"), "--json").json
    done = run("ask", "Hello", "--capability", capability, "--url", gateway.url, "--json").json

    assert (told["answered_by"], told["snapshot"]) == (done["target"], done["snapshot"])


def test_what_decides_beside_the_worth_is_told_and_so_is_money_for_trials_that_is_spent(run: Run, folder: Path) -> None:
    routing = "{incumbent: large, guarantee: true}"
    file = (
        "vendors: {lab: {kind: vllm, base_url: 'http://127.0.0.1:9/v1'}}\n"
        "targets:\n"
        "  small: {vendor: lab, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 2}}\n"
        "  large: {vendor: lab, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 20}}\n"
        "capabilities:\n"
        "  triage: {ladder: [large, small], routing: ROUTING}\n"
    )
    (folder / "pointsman.yaml").write_text(file.replace("ROUTING", routing))
    told = run("explain", "--capability", "triage")

    assert "What decides it:" in told.out
    assert "`small` is expected to be worth more than `large`, but may not go before `large`: nothing is promised for this capability yet." in told.out
    (folder / "pointsman.yaml").write_text(file.replace("ROUTING", "{incumbent: large, explore: {share: 0.1, usd_per_day: 0}}"))
    says = run("explain", "--capability", "triage", "--json").json["decisive"]
    assert says[-1] == "Nothing is tried here: the day's money for it (`explore.usd_per_day`) is spent."


def test_what_a_request_would_set_is_weighed_by_and_what_it_may_not_set_is_refused(run: Run, folder: Path) -> None:
    (folder / "pointsman.yaml").write_text(
        "vendors: {lab: {kind: vllm, base_url: 'http://127.0.0.1:9/v1'}}\n"
        "targets:\n"
        "  small: {vendor: lab, model: small, price: {input_usd_per_million: 1, output_usd_per_million: 2}}\n"
        "  large: {vendor: lab, model: large, price: {input_usd_per_million: 10, output_usd_per_million: 20}}\n"
        "capabilities:\n"
        "  triage: {ladder: [small, large], routing: {incumbent: small, requests_may_set: {value_usd: [0, 1]}}}\n"
    )
    plain, worthy = (run("explain", "--capability", "triage", *more, "--json").json["candidates"][0] for more in ((), ("--criteria", "value_usd=0.5")))
    assert worthy["weighed"]["value_nano_usd"] == plain["weighed"]["value_nano_usd"] + 250_000_000, "half of it: nobody knows how good an answer is"

    done = run("explain", "--capability", "triage", "--criteria", "value_usd=2")
    assert "choice  REFUSES" in done.out
    assert "The call would be refused. The caller would be told:" in done.out
    assert "`triage` takes from 0 to 1. Keep to that." in done.out
    assert "There is no criterion `colour`" in run("explain", "--capability", "triage", "--criteria", "colour=red").err
