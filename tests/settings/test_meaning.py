"""
Mistakes of meaning, each told with its line and a remedy.
"""

from pathlib import Path

import pytest
from tests.settings.files import FIVE_LINES, SHA, settings_of, told_by

ACME = """
vendors:
  acme: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1"}
"""
SUPPORT = "capabilities: {support: {ladder: [acme/small]}}\n" + ACME.lstrip()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("capabilities: {a: {ladder: [acme/x]}}", "1 capabilities.a.ladder[0]: there is no target `acme/x`. Known: "),
        ("capabilities: {a: {ladder: [opnai/gpt-5-mini]}}", "1 capabilities.a.ladder[0]: there is no target `opnai/gpt-5-mini`. Did you mean"),
        ("capabilities: {a: {ladder: [openai/]}}", "1 capabilities.a.ladder[0]: there is no target `openai/`."),
        (f"{SUPPORT}  beta: {{kind: antropic}}", "4 vendors.beta.kind: there is no kind of vendor `antropic`. Did you mean `anthropic`?"),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: ftp://x}}", "4 vendors.beta.base_url: this is no base URL."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'http://[::1'}}", "4 vendors.beta.base_url: this is no base URL."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'https://x:99999'}}", "4 vendors.beta.base_url: this is no base URL."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'https://x/v1?key=1'}}", "4 vendors.beta.base_url: this is no base URL."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'https://me:x@y/v1'}}", "4 vendors.beta.base_url: a URL must not hold a name or password."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'http://llm.example.com'}}", "4 vendors.beta.base_url: data would cross a network in the open."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'http://8.8.8.8'}}", "4 vendors.beta.base_url: data would cross a network in the open."),
        (f"{SUPPORT}  beta: {{kind: vllm, base_url: 'http://[2600::1]/v1'}}", "4 vendors.beta.base_url: data would cross a network in the open."),
        (f"{SUPPORT}  beta: {{kind: openai_compatible}}", "4 vendors.beta: this kind of vendor has no address of its own. Add `base_url:`."),
        (f"{SUPPORT}  beta: {{kind: openai, credential: hunter2}}", "4 vendors.beta.credential: a key must not stand in this file."),
        (f"{SUPPORT}  beta: {{kind: openai, credential: 'env:'}}", "4 vendors.beta.credential: a key must not stand in this file."),
        (f"{SUPPORT}  beta: {{kind: openai, credential: 'keyring:x'}}", "4 vendors.beta.credential: a key must not stand in this file."),
        (f"{SUPPORT}  beta: {{kind: openai, ca_file: gone.pem}}", "4 vendors.beta.ca_file: the file cannot be read (No such file or directory)."),
        (f"{SUPPORT}  beta: {{kind: openai, ca_file: pointsman.yaml}}", "4 vendors.beta.ca_file: the file holds no certificate."),
        (f"{SUPPORT}targets: {{t: {{vendor: acne, model: m}}}}", "4 targets.t.vendor: there is no vendor `acne`. Did you mean `acme`?"),
        (
            f"{SUPPORT}targets: {{t: {{vendor: acme, model: m, hardware: {{hourly_usd: 1}}, price: {{input_usd_per_million: 1, output_usd_per_million: 1}}}}}}",
            "4 targets.t.hardware: a target has a price per token or own hardware, not both.",
        ),
        ("capabilities: {a: {ladder: [openai/x, openai/y, openai/x]}}", "1 capabilities.a.ladder[2]: this rung can never be tried: the target stands higher"),
        (
            "capabilities: {a: {ladder: [x], data_class: restricted}}\ntargets: {x: {vendor: openai, model: m, accepts: internal}}",
            "1 capabilities.a.data_class: data of class `restricted` may be used, but no",
        ),
        (
            "capabilities: {a: {ladder: [openai/x], data_class: public}}",
            "1 capabilities.a.data_class: this capability can never be used: every key declares `int",
        ),
        (
            f"{SUPPORT}targets: {{t: {{vendor: acme, model: m, accepts: public}}}}".replace("[acme/small]", "[acme/small, t]"),
            "1 capabilities.support.ladder[1]: this rung can never be tried: it accepts `public` data, and every key declares `internal` or stricter.",
        ),
        ("capabilities: {a: {ladder: [openai/x], rules: gone.csv}}", "1 capabilities.a.rules: the decision table cannot be read (No such file or directory)."),
        ('capabilities: {a: {ladder: [openai/x], rules: "a\\0b"}}', "1 capabilities.a.rules: the decision table cannot be read (embedded null byte)."),
        ("capabilities: {a: {ladder: [openai/x], output_schema: gone.json}}", "1 capabilities.a.output_schema: the schema cannot be read (No such file or"),
        (
            "capabilities: {a: {ladder: [openai/x], output_schema: pointsman.yaml}}",
            "1 capabilities.a.output_schema: the schema cannot be read (JSON is malformed",
        ),
        ("capabilities: {a: {ladder: [openai/x], output_schema: {type: foo}}}", "1 capabilities.a.output_schema: this is no usable JSON Schema: "),
        (
            "capabilities: {a: {ladder: [openai/x], output_schema: {$ref: '#/x'}}}",
            "1 capabilities.a.output_schema: this is no usable JSON Schema: Pointer '/x'",
        ),
        ("capabilities: {a: {ladder: [openai/x], output_schema: {$ref: 'http://127.0.0.1:9/'}}}", "it must stand alone."),
        ("capabilities: {a: {ladder: [openai/x], output_schema: {$schema: 'http://127.0.0.1:9/'}}}", "it must stand alone."),
        (
            f"{SUPPORT}keys: {{k: {{sha256: {SHA}, capabilities: [suport]}}}}",
            "4 keys.k.capabilities[0]: there is no capability `suport`. Did you mean `support`?",
        ),
        (f"{SUPPORT}keys: {{k: {{sha256: {SHA}, expires: soon}}}}", "4 keys.k.expires: `soon` is no date. Write `2027-01-31`"),
        (f"{SUPPORT}keys: {{k: {{sha256: {SHA}, previous: {{sha256: {SHA}, until: '31.1.'}}}}}}", "4 keys.k.previous.until: `31.1.` is no date."),
        (f"{SUPPORT}keys:\n  a: {{sha256: {SHA}}}\n  b: {{sha256: {SHA}}}", "6 keys.b.sha256: `a` has the same secret."),
        (f"{SUPPORT}limits: [{{name: l, by: key}}]", "4 limits[0]: this limit limits nothing."),
        (
            f"{SUPPORT}limits: [{{name: l, by: user, tokens_per_minute: 1}}, {{name: l, by: user, tokens_per_minute: 1}}]",
            "4 limits[1].name: there is a limit `l`",
        ),
        (
            f"{SUPPORT}limits: [{{name: l, by: tenant, only: acme, tokens_per_minute: 1}}]",
            "4 limits[0].only: this limit can never count anything: there is no tenant `acme`.",
        ),
        (f"{SUPPORT}limits: [{{name: l, by: capability, only: suport, tokens_per_minute: 1}}]", "there is no capability `suport`. Did you mean `support`?"),
        (f"{SUPPORT}limits: [{{name: l, by: team, tokens_per_minute: 1}}]", "4 limits[0].by: this limit can never count anything: no key has a team."),
        (f"{SUPPORT}limits: [{{name: l, by: key, budget_usd: 5}}]", "4 limits[0].budget_usd: money cannot be counted: `acme/small` of `support` has no price."),
        (
            f"{SUPPORT}keys: {{k: {{sha256: {SHA}}}}}\nlimits: [{{name: l, by: application, only: desk, tokens_per_minute: 1}}]",
            "5 limits[0].only: this limit can never count anything: there is no application `desk`. There are none yet.",
        ),
        (
            f"{SUPPORT}keys: {{k: {{sha256: {SHA}}}}}\nlimits: [{{name: l, by: key, only: j, tokens_per_minute: 1}}]",
            "5 limits[0].only: this limit can never count anything: there is no key `j`. Known: `k`.",
        ),
        (
            f"{SUPPORT}keys: {{k: {{sha256: {SHA}, tenant: shop}}}}\nlimits: [{{name: l, by: tenant, only: shoe, budget_usd: 1}}]",
            "5 limits[0].only: this limit can never count anything: there is no tenant `shoe`. Did you mean `shop`?",
        ),
        (
            f"{SUPPORT}limits: [{{name: l, by: user, only: ann, tokens_per_minute: 1}}]",
            "4 limits[0].only: this limit can never count anything: there is no user `ann`. Write a user as `TENANT/USER`, such as `default/ann`.",
        ),
        (f"{SUPPORT}server: {{listen: '0.0.0.0:8800'}}", "4 server.listen: anybody who reaches this address could call. Make a key"),
        (f"{SUPPORT}server: {{listen: '127.evil.example:8800'}}", "4 server.listen: anybody who reaches this address could call."),
        (f"{SUPPORT}server: {{admin: '0.0.0.0:8801'}}", "4 server.admin: nobody could use this address: no key has the scope `admin`."),
        (f"{SUPPORT}server: {{database: 'postgresql://a:b@h/x'}}", "4 server.database: a password must not stand in this file. Keep the whole URL elsewhere"),
        (f"{SUPPORT}server: {{database: 'postgresql://a@h/x?password=b'}}", "4 server.database: a password must not stand in this file."),
        (f"{SUPPORT}server: {{database: 'mysql://h/x'}}", "4 server.database: this is neither a file nor the URL of a database that is known here."),
        (f"{SUPPORT}server: {{listen: '127.0.0.1:99999'}}", "4 server.listen: there is no such port. Choose one up to 65535."),
        (f"{SUPPORT}server: {{listen: 'localhost:80', admin: 'LOCALHOST:80'}}", "4 server.admin: applications and administration cannot share an address."),
        (
            f"{SUPPORT}keys: {{k: {{sha256: {SHA}, scopes: [admin]}}}}\nserver: {{listen: '0.0.0.0:80', admin: '127.0.0.1:80'}}",
            "5 server.admin: applications and administration cannot share an address.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_remedy(tmp_path: Path, source: str, expected: str) -> None:
    [told] = told_by(tmp_path, source)
    assert expected in told
    assert told.startswith("pointsman.yaml:")
    assert told.endswith((".", "?"))


@pytest.mark.parametrize(
    "source",
    [
        FIVE_LINES,
        SUPPORT,
        SUPPORT.replace("http://127.0.0.1:9/v1", "http://llm:8000/v1"),
        SUPPORT.replace("http://127.0.0.1:9/v1", "http://10.1.2.3/v1"),
        SUPPORT.replace("http://127.0.0.1:9/v1", "http://llm.internal/v1"),
        f"{SUPPORT}keys: {{k: {{sha256: {SHA}, scopes: [call, admin]}}}}\nserver: {{listen: '0.0.0.0:8800', admin: '[::]:8801'}}",
        f"{SUPPORT}server: {{listen: '[::1]:8800', admin: '127.0.0.2:8801'}}",
        f"{SUPPORT}server: {{listen: '127.0.0.1:0', admin: '127.0.0.1:0'}}",  # two ports that the system chooses
        f"{SUPPORT}limits: [{{name: l, by: key, only: local, tokens_per_minute: 1}}]",
        f"{SUPPORT}limits: [{{name: l, by: user, only: default/ann, tokens_per_minute: 1}}, {{name: m, by: user, requests_per_minute: 1}}]",
        # A budget for one key says nothing about a capability that the key may not use.
        f"""
capabilities:
  support: {{ladder: [acme/small]}}
  translate: {{ladder: [openai/gpt-5-mini]}}
{ACME}
keys:
  web: {{sha256: {SHA}, capabilities: [translate], team: care}}
  app: {{sha256: {"cd" * 32}, capabilities: [support]}}
limits:
  - {{name: one, by: key, only: web, budget_usd: 5}}
  - {{name: two, by: team, budget_usd: 5, only: care}}
  - {{name: three, by: capability, only: translate, budget_usd: 5}}
""",
    ],
)
def test_what_is_right_is_accepted(tmp_path: Path, source: str) -> None:
    assert settings_of(tmp_path, source).snapshot.capabilities


def test_a_key_by_itself_is_refused_anywhere_and_never_repeated(tmp_path: Path) -> None:
    secret = "sk-proj-0123456789abcdefghij"
    told = told_by(
        tmp_path,
        f"""
        capabilities:
          support: {{ladder: [openai/gpt-5-mini], owner: {secret}, output_schema: {{const: {secret}}}}}
        vendors:
          openai: {{kind: openai, credential: "env:{secret}"}}
          acme: {{kind: openai, credential: [{secret}]}}
          beta: {{kind: openai, base_url: "https://api.example.com/{secret}/v1"}}
        keys: {{{secret}: {{sha256: {SHA}}}}}
        targets: {{t: {{vendor: openai, model: "Bearer {secret}"}}}}
        """,
    )
    assert [line.partition(": ")[0] for line in told if "looks like a key itself" in line] == [
        "pointsman.yaml:3 capabilities.support.output_schema.const",
        "pointsman.yaml:3 capabilities.support.owner",
        "pointsman.yaml:5 vendors.openai.credential",
        "pointsman.yaml:6 vendors.acme.credential[0]",
        "pointsman.yaml:7 vendors.beta.base_url",
        "pointsman.yaml:8 keys",
        "pointsman.yaml:9 targets.t.model",
    ]
    assert secret not in "".join(told)


def test_what_is_wrong_inside_a_decision_table_is_told_with_its_own_name_and_line(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rows:\n  - 5\n")
    source = "capabilities: {a: {ladder: [openai/gpt-5-mini], rules: rules.yaml}}"
    assert told_by(tmp_path, source) == ["rules.yaml:2 rows[0]: a row is a mapping of columns to cells. Write `- then: answer` and so on."]


def test_a_cache_behind_rows_that_judge_answers_is_refused_for_it_would_never_be_used(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("phase,then,answer,message\nafter,veto,,No.\n", encoding="utf-8")
    (told,) = told_by(tmp_path, SUPPORT.replace("[acme/small]", "[acme/small], rules: rules.csv, cache: true"))
    assert "capabilities.support.cache: nothing can be kept here" in told
    assert settings_of(tmp_path, SUPPORT.replace("[acme/small]", "[acme/small], rules: rules.csv")).snapshot.rules


def test_a_key_that_may_call_nothing_does_not_close_a_capability(tmp_path: Path) -> None:
    settings_of(tmp_path, f"{SUPPORT}keys: {{k: {{sha256: {SHA}, capabilities: [], data_class: restricted}}}}")


def test_a_key_in_a_decision_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text('when,then,answer\n"text == ""key""",answer,sk-proj-0123456789abcdefghij\n')
    assert "rules.csv:2 rows[0].answer: this looks like a key itself. Keep keys out of decision tables." in told_by(
        tmp_path, "capabilities: {a: {ladder: [openai/gpt-5-mini], rules: rules.csv}}"
    )


def test_a_broken_entry_is_known_by_its_name_to_the_others(tmp_path: Path) -> None:
    told = told_by(
        tmp_path,
        f"""
        capabilities:
          a: {{ladder: [t], data_class: publik}}
          b: {{ladder: [t]}}
        targets: {{t: {{vendor: acme}}}}
        vendors: {{acme: {{kind: 5}}}}
        keys:
          k: {{sha256: x}}
          l: {{sha256: {SHA}, capabilities: [a, b]}}
        limits: [{{name: x, by: team, only: care, tokens_per_minute: 1}}]
        server: {{listen: "0.0.0.0:80", admin: "0.0.0.0:81"}}
        """,
    )
    assert [line.partition(": ")[0] for line in told] == [
        "pointsman.yaml:3 capabilities.a.data_class",
        "pointsman.yaml:5 targets.t",
        "pointsman.yaml:6 vendors.acme.kind",
        "pointsman.yaml:8 keys.k.sha256",
    ]
