"""
Mistakes of shape, in the words of people.
"""

from pathlib import Path

import pytest
from tests.settings.files import SHA, told_by

SUPPORT = """
capabilities:
  support:
    ladder:
      [openai/gpt-5-mini]
"""
SEE = "`pointsman check --schema` shows what is allowed."


TENANT = "Tenants share nothing. No `/`: it stands between tenant and user."


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sever: {}", "6 sever: there is no such field. Did you mean `server`?"),
        (
            "zzz: {}",
            "6 zzz: there is no such field. Known here: `capabilities`, `targets`, `vendors`, `keys`, `limits`, `policy`, `detection`, `audit`",
        ),
        ("    retrys: {}", "6 capabilities.support.retrys: there is no such field. Did you mean `retries`?"),
        ("    cache: {ttl: 5}", "6 capabilities.support.cache.ttl: there is no such field. Did you mean `ttl_s`?"),
        ("    cache: 7", f"6 capabilities.support.cache: this must be `true` or `false` or a mapping. {SEE}"),
        (
            "    data_class: secret",
            "6 capabilities.support.data_class: this must be one of `confidential`, `internal`, `public`, `restricted`. Ch",
        ),
        ("    owner: 5", f"6 capabilities.support.owner: this must be a text. {SEE}"),
        (f"    unit: {'x' * 61}", f"6 capabilities.support.unit: this must not be longer than 60 characters. {SEE}"),
        ("    retries: {per_target: 11}", f"6 capabilities.support.retries.per_target: this must be at most 10. {SEE}"),
        ("    retries: {budget: -1}", f"6 capabilities.support.retries.budget: this must be at least 0. {SEE}"),
        ("    deadlines: {gap_s: 0}", f"6 capabilities.support.deadlines.gap_s: this must be more than 0. {SEE}"),
        ("  other: {ladder: []}", f"6 capabilities.other.ladder: this must not be empty. {SEE}"),
        ("  other: {}", "6 capabilities.other: the field `ladder` is missing. Add `ladder:`."),
        ("  a b: {ladder: [openai/x]}", "6 capabilities.a b: this name cannot be used. Begin with a letter or digit;"),
        ("server: {listen: here}", f"6 server.listen: this does not have the form that is needed. Address and port for applications. {SEE}"),
        ("server: {workers: 1.5}", f"6 server.workers: this must be a whole number. {SEE}"),
        ("targets: {t: {vendor: openai, model: ''}}", f"6 targets.t.model: this must not be empty. {SEE}"),
        ("targets: {t: {vendor: openai, model: x, price: {input_usd_per_million: 1}}}", "6 targets.t.price: the field `output_usd_per_million` is missing."),
        ("targets: {t: {vendor: openai, model: x, context_tokens: 1.5}}", f"6 targets.t.context_tokens: this must be a whole number. {SEE}"),
        ("targets: {t: {vendor: openai, model: x, hardware: {hourly_usd: x}}}", f"6 targets.t.hardware.hourly_usd: this must be a number. {SEE}"),
        ("targets: {t: {vendor: openai, model: x, features: [tols]}}", "6 targets.t.features[0]: this must be one of "),
        (f"keys: {{k: {{sha256: {SHA}, previous: {{sha256: {SHA}, until: 2027}}}}}}", f"6 keys.k.previous.until: this must be a text. {SEE}"),
        (f"keys: {{k: {{sha256: {SHA}, tenant: a/b}}}}", f"6 keys.k.tenant: this does not have the form that is needed. Whose data this is. {TENANT} {SEE}"),
        ("limits: {}", f"6 limits: this must be a list. {SEE}"),
    ],
)
def test_a_wrong_shape_is_told_where_it_is_and_what_it_should_be(tmp_path: Path, source: str, expected: str) -> None:
    [told] = told_by(tmp_path, SUPPORT + source)
    assert expected in told
