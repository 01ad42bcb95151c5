"""Secrets are found in the forms in which people paste them, exactly, and what only looks like one in name is left alone."""

import base64
import json
import os
import random
import string
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.governance.detection.secrets import SecretDetector
from pointsman.governance.detection.secrets_patterns import KNOWN

DETECTOR: Final = SecretDetector()
CHANCE: Final = random.Random(11)
ALNUM: Final = string.ascii_letters + string.digits
URLSAFE: Final = ALNUM + "_-"
HEX: Final = "0123456789abcdef"


def drawn(size: int, letters: str = ALNUM) -> str:
    return "".join(CHANCE.choice(letters) for _ in range(size))


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in DETECTOR.find(text)]


def kinds(text: str) -> set[str]:
    return {finding.kind for finding in DETECTOR.find(text)}


KEYS: Final = {
    "pointsman_key": f"pm_{drawn(32)}",
    "aws_access_key": "AKIA" + drawn(16, string.ascii_uppercase + string.digits),
    "google_api_key": "AIza" + drawn(35, URLSAFE),
    "google_oauth_secret": "GOCSPX-" + drawn(28),
    "azure_client_secret": drawn(3) + "8Q~" + drawn(34),
    "digitalocean_token": "dop_v1_" + drawn(64, HEX),
    "github_token": "ghp_" + drawn(36),
    "gitlab_token": "glpat-" + drawn(20),
    "bitbucket_token": "ATBB" + drawn(32),
    "atlassian_token": "ATATT3" + drawn(180),
    "npm_token": "npm_" + drawn(36),
    "pypi_token": "pypi-AgE" + drawn(120),
    "docker_token": "dckr_pat_" + drawn(27),
    "vault_token": "hvs." + drawn(90),
    "terraform_token": drawn(14) + ".atlasv1." + drawn(67),
    "databricks_token": "dapi" + drawn(32, HEX),
    "anthropic_key": "sk-ant-api03-" + drawn(95),
    "openai_key": "sk-proj-" + drawn(120),
    "huggingface_token": "hf_" + drawn(34, string.ascii_letters),
    "groq_key": "gsk_" + drawn(52),
    "replicate_token": "r8_" + drawn(37),
    "stripe_key": "sk_live_" + drawn(24),
    "square_token": "sq0atp-" + drawn(22),
    "shopify_token": "shpat_" + drawn(32, HEX),
    "slack_token": f"xoxb-{drawn(12, string.digits)}-{drawn(12, string.digits)}-{drawn(24)}",
    "discord_token": f"MT{drawn(24)}.{drawn(6)}.{drawn(30)}",
    "telegram_token": f"{drawn(10, string.digits[1:])}:AA{drawn(33)}",
    "twilio_key": "SK" + drawn(32, HEX),
    "sendgrid_key": f"SG.{drawn(22)}.{drawn(43)}",
    "mailgun_key": "key-" + drawn(32, HEX),
    "mailchimp_key": drawn(32, HEX) + "-us12",
    "linear_key": "lin_api_" + drawn(40),
    "notion_token": "secret_" + drawn(43),
    "figma_token": "figd_" + drawn(40),
    "airtable_token": f"pat{drawn(14)}.{drawn(64, HEX)}",
    "newrelic_key": "NRAK-" + drawn(27, string.ascii_uppercase),
    "grafana_token": f"glsa_{drawn(32)}_{drawn(8, HEX)}",
    "sentry_token": "sntryu_" + drawn(64, HEX),
    "tailscale_key": f"tskey-auth-{drawn(12)}-{drawn(32)}",
    "nats_seed": "SU" + drawn(56, string.ascii_uppercase + "234567"),
    "age_key": "AGE-SECRET-KEY-1" + drawn(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{drawn(30)}.{drawn(43)}",
}


@pytest.mark.parametrize("what", sorted(KEYS))
def test_a_key_in_the_form_of_its_issuer_is_found_exactly_wherever_it_stands(what: str) -> None:
    key = KEYS[what]
    for text in (key, f"use {key} please", f"(`{key}`)", f'{{"a": "{key}"}}', f"x=\n{key}\n"):
        assert found(text) == [key]
        assert kinds(text) == {f"secret:{what}"}


def test_at_least_eighty_issuers_are_known() -> None:
    assert len({known.what for known in KNOWN}) >= 80


@pytest.mark.parametrize("what", ["aws_access_key", "github_token", "openai_key", "slack_token", "twilio_key"])
def test_a_key_inside_a_longer_word_is_not_taken_for_one(what: str) -> None:
    assert f"secret:{what}" not in kinds("Z" + KEYS[what])


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "x" * 36,
        "sk-proj-your-key-here-your-key-here",
        "AKIAIOSFODNN7EXAMPLE",
        "glpat-XXXXXXXXXXXXXXXXXXXX",
        "token: ghp_123456789012345678901234567890123456",
    ],
)
def test_what_fills_the_place_of_a_key_is_not_one(text: str) -> None:
    assert not any(kind.endswith(("_key", "_token")) for kind in kinds(text))


def test_the_whole_body_of_a_private_key_is_found() -> None:
    body = "\n".join(drawn(64, ALNUM + "+/") for _ in range(12))
    text = f"here:\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nthanks"
    assert [one.strip() for one in found(text)] == [body]


def test_a_private_key_cut_off_at_its_end_is_found() -> None:
    body = drawn(64) + "\n" + drawn(64)
    assert [one.strip() for one in found(f"-----BEGIN PRIVATE KEY-----\n{body}")] == [body]


def test_a_mark_without_what_must_stand_before_it_is_no_key() -> None:
    assert kinds("x" * 3 + " Q~" + drawn(34)).isdisjoint({"secret:azure_client_secret"})


def test_a_public_key_is_none() -> None:
    assert "secret:private_key" not in kinds(f"-----BEGIN PUBLIC KEY-----\n{drawn(64)}\n-----END PUBLIC KEY-----")


def test_a_signed_link_is_one_secret_from_credential_to_signature() -> None:
    value = f"AKIA{drawn(16, string.ascii_uppercase)}%2F20260101%2Feu&X-Amz-Date=2026&X-Amz-Signature={drawn(64, HEX)}"
    assert found(f"https://files.example.com/a?X-Amz-Credential={value}&x=1") == [value]


VALUE: Final = "q8Zr!4mWx2Lp"
TOKEN: Final = "f3a91c7be2d84056a1b9c3d7e5f20814"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"DB_PASSWORD={VALUE}", VALUE),
        (f"export API_TOKEN={TOKEN}", TOKEN),
        (f'password = "{VALUE}"', VALUE),
        (f"const string proxyPassword = '{VALUE}';", VALUE),
        (f'password: str = "{VALUE}"', VALUE),
        (f'{{"user": "ada", "password": "{VALUE}"}}', VALUE),
        (f'"{{\\"password\\": \\"{VALUE}\\"}}"', VALUE),
        (f"  client_secret: {TOKEN}", TOKEN),
        (f"<password>{VALUE}</password>", VALUE),
        (f'<add key="ApiSecret" value="{TOKEN}"/>', TOKEN),
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"curl -H 'Authorization: Basic {base64.b64encode(b'ada:q8Zr4mWx').decode()}' https://a.example.com", base64.b64encode(b"ada:q8Zr4mWx").decode()),
        (f"postgres://app:{TOKEN}@db.internal:5432/shop", TOKEN),
        ("https://ada:hK7vQ2xR9d@git.internal/a.git", "hK7vQ2xR9d"),
        (f"curl -u elastic:{VALUE} https://localhost:9200", VALUE),
        (f"mysql -h db -u root -p{VALUE} shop", VALUE),
        (f"tool --password {VALUE} --verbose", VALUE),
        (f"openssl x509 -passin pass:{TOKEN} -days 365", TOKEN),
        (f"https://a.example.com/v1?access_token={TOKEN}&page=2", TOKEN),
        ("CREATE USER 'ada'@'%' IDENTIFIED BY 'zqWk72xVbn';", "zqWk72xVbn"),
        (f"Server=db;Database=shop;User Id=sa;Password={TOKEN};Encrypt=true", TOKEN),
        ("My password is Summer2024! can you check it?", "Summer2024!"),
    ],
)
def test_a_value_that_its_name_or_its_place_gives_away_is_found_exactly(text: str, secret: str) -> None:
    assert found(text) == [secret]


def test_a_long_list_is_read_to_a_bound() -> None:
    tokens = [drawn(16, HEX) for _ in range(40)]
    assert found(f"""{{"tokens": [{", ".join(f'"{token}"' for token in tokens)}]}}""") == tokens[:21]


def test_every_text_of_a_list_of_tokens_is_found() -> None:
    first, second, third = (drawn(16, HEX) for _ in range(3))
    assert found(f'{{"tokens": ["{first}", "{second}", "{third}"]}}') == [first, second, third]


@pytest.mark.parametrize(
    "text",
    [
        "password = os.environ['DB_PASSWORD']",
        "API_KEY=${API_KEY}",
        "api_key: <your api key>",
        "token = get_token()",
        "password: changeme",
        'secret = "{{ vault.secret }}"',
        "How do I reset my password?",
        "The secret to a good soup is patience, and the key is time.",
        "Please sign in to your account with your usual credentials: nothing else is needed.",
        "curl -u username:password https://example.com",
        "curl -u ${USER}:${PASS} https://example.com",
        "self.key = key",
        "password:",
        "password: ",
        "primary_key=True, api_version='v2'",
        "for token in tokens: print(token)",
        "docker run -v $(pwd):/usr/share/nginx/html nginx",
        "https://example.com/articles/how-to-write-a-readable-and-memorable-address-for-a-page",
    ],
)
def test_a_name_without_a_secret_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_long_token_without_a_name_needs_a_digit_and_an_end() -> None:
    assert found("a" * 5000 + "1") == []


def test_positions_are_those_of_the_text_whatever_its_script() -> None:
    text = f"Пароль 🔑 — «ключ»: password: {VALUE} 😀"
    assert found(text) == [VALUE]


def test_a_guess_says_how_sure_it_is_and_a_form_leaves_no_doubt() -> None:
    (guess,) = DETECTOR.find(f"DB_PASSWORD={VALUE}")
    (sure,) = DETECTOR.find(KEYS["github_token"])
    assert guess.score < sure.score == 1.0
    assert guess.data_class == sure.data_class == "secret"
    assert guess.detector == DETECTOR.name


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(KEYS)), st.text(max_size=50))
def test_a_key_is_found_between_any_texts_and_findings_never_overlap(before: str, what: str, after: str) -> None:
    text = f"{before} {KEYS[what]} {after}"
    findings = list(DETECTOR.find(text))
    start = len(before) + 1
    assert any(one.start <= start and start + len(KEYS[what]) <= one.end for one in findings)
    assert all(one.end <= other.start for one, other in pairwise(findings))


@pytest.mark.parametrize(
    "piece",
    ["password=", "eyJ", "-----BEGIN PRIVATE KEY-----", "AKIA", "a/" * 12, "://a:", "Q~", '"key","', "X-Amz-Credential=", "PuTTY-User-Key-File-2: ", "s.A1"],
)
def test_time_grows_with_the_length_and_not_faster(piece: str) -> None:
    """What an attacker repeats costs a bounded time for each character, so that 10 kB of it are done in a moment."""
    text = piece * (10_000 // len(piece))
    started = time.perf_counter()
    list(DETECTOR.find(text))
    assert time.perf_counter() - started < 5


DATA: Final = Path(os.environ.get("POINTSMAN_DATA", Path(__file__).parents[4] / "shared" / "data"))


@pytest.mark.skipif(not (DATA / "injection").is_dir(), reason="the benign prompts are not at hand (POINTSMAN_DATA)")
def test_at_most_three_in_a_thousand_benign_prompts_raise_an_alarm() -> None:
    prompts = [json.loads(line)["text"] for line in (DATA / "injection" / "benign_prompts" / "data.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum(bool(found(prompt)) for prompt in prompts) <= 0.003 * len(prompts)


@pytest.mark.skipif(not (DATA / "secrets").is_dir(), reason="the labelled lines are not at hand (POINTSMAN_DATA)")
def test_of_labelled_secrets_nineteen_in_twenty_are_found() -> None:
    """The weights were made from these lines, so this guards against damage; what they do on unseen ones stands in their provenance."""
    rows = [json.loads(line) for line in (DATA / "secrets" / "credential_lines.jsonl").read_text(encoding="utf-8").splitlines()]
    true = [row for row in rows if row["truth"] == "T" and "\n" not in row["text"] and "Password" in row["category"] and row["value_end"]]
    hit = sum(any(one.start < int(row["value_end"]) and int(row["value_start"]) < one.end for one in DETECTOR.find(row["text"])) for row in true)
    assert hit >= 0.95 * len(true)
