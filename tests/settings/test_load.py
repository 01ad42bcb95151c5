"""
`pointsman.yaml` → settings, as a whole: from five lines to many mistakes at once, and what changes the name of a snapshot.
"""

from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.settings.files import FIVE_LINES, SHA, known, settings_of, told_by

from pointsman.core.label import PUBLIC, Level
from pointsman.core.place import Feature, Place
from pointsman.core.principal import LimitBy, Period, Scope
from pointsman.core.snapshot import Snapshot
from pointsman.settings import shape
from pointsman.settings.load import load, parse, schema_json
from pointsman.settings.mistakes import Mistake, SettingsInvalid

EVERYTHING = f"""
capabilities:
  support:
    ladder: [own/llama, acme/small, openai/gpt-5-mini]
    owner: care@example.com
    rules: rules.csv
    cache: {{ttl_s: 60}}
    deadlines: {{connect_s: 1, first_byte_s: 2, gap_s: 3, total_s: 4}}
    retries: {{per_target: 2, budget: 4, backoff_s: 0.5, longest_wait_s: 6}}
    output_schema: schema.json
    data_class: confidential
    unit: ticket
  translate: {{ladder: [openai/gpt-5-mini], cache: true, output_schema: {{type: object}}}}
targets:
  own/llama:
    vendor: acme
    model: llama
    place: private
    accepts: restricted
    context_tokens: 8192
    max_output_tokens: 512
    features: [stream, tools]
    hardware: {{hourly_usd: 1.25}}
    deadlines: {{total_s: 9}}
  acme/small:
    vendor: acme
    model: small
    price: {{input_usd_per_million: 0.5, output_usd_per_million: 1, cache_read_usd_per_million: 0.1, cache_write_usd_per_million: 0.6,
            per_request_usd: 0.001, id: acme-2026}}
vendors:
  acme: {{kind: openai_compatible, base_url: "https://llm.example.com/v1", credential: "file:acme.key", region: eu, ca_file: ca.pem}}
keys:
  web:
    sha256: {SHA}
    previous: {{sha256: {"cd" * 32}, until: 2027-01-31}}
    tenant: shop
    team: care
    application: desk
    capabilities: [support]
    scopes: [call, outcomes, raw_targets, admin]
    expires: 2027-06-30T12:00:00
    data_class: public
limits:
  - {{name: team, by: team, only: care, requests_per_minute: 60, tokens_per_minute: 1000, budget_usd: 2.5, period: day}}
server:
  listen: 127.0.0.1:9000
  admin: 127.0.0.1:9001
  workers: 2
  database: ledger.db
  tls: {{certificate: a.pem, key: b.pem}}
  bounds: {{max_body_bytes: 1, max_header_bytes: 2, max_answer_bytes: 3, max_sse_line_bytes: 4, max_connections: 5, max_cache_bytes: 6, stall_s: 7}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.csv").write_text('when,then,answer\n"text == ""hello""",answer,Hello!\n')
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    return tmp_path


def test_five_lines_make_the_first_capability(tmp_path: Path) -> None:
    assert len(FIVE_LINES.strip().splitlines()) <= 5
    found = settings_of(tmp_path, FIVE_LINES)
    [target] = found.snapshot.capabilities["support"].ladder
    assert (target.model, target.place, target.vendor and target.vendor.credential) == ("gpt-5-mini", Place.CLOUD, "env:OPENAI_API_KEY")
    assert (found.server.listen, found.snapshot.keys) == ("127.0.0.1:8800", ())


def test_every_field_reaches_the_value_it_is_about(folder: Path) -> None:
    found = settings_of(folder, EVERYTHING)
    snapshot = found.snapshot
    support = snapshot.capabilities["support"]
    own, small, listed = support.ladder
    assert (support.owner, support.rules, support.cache and support.cache.ttl_s, support.unit, support.ceiling) == (
        "care@example.com",
        "rules.csv",
        60,
        "ticket",
        Level.CONFIDENTIAL,
    )
    assert [getattr(support.deadlines, name) for name in ("connect_s", "first_byte_s", "gap_s", "total_s")] == [1, 2, 3, 4]
    assert [getattr(support.retries, name) for name in ("per_target", "budget", "backoff_s", "longest_wait_s")] == [2, 4, 0.5, 6]
    assert support.output is not None
    assert support.output.schema == {"type": "object"}
    assert snapshot.capabilities["translate"].cache is not None
    assert (own.place, own.accepts, own.context_tokens, own.max_output_tokens, own.features) == (
        Place.PRIVATE,
        Level.RESTRICTED,
        8192,
        512,
        {Feature.STREAM, Feature.TOOLS},
    )
    assert own.hardware is not None
    assert own.deadlines is not None
    assert (own.hardware.hourly_nano_usd, own.deadlines.total_s) == (1_250_000_000, 9)
    assert small.price is not None
    assert (small.price.price_id, small.price.per_request_nano_usd) == ("contract:acme-2026", 1_000_000)
    assert msgspec.structs.astuple(msgspec.convert(small.price.rates, _Rates, from_attributes=True)) == (500_000_000, 10**9, 10**8, 6 * 10**8)
    assert listed.price is None
    acme = snapshot.vendors["acme"]
    assert (acme.kind, acme.base_url, acme.credential, acme.region, acme.ca_file) == (
        "openai_compatible",
        "https://llm.example.com/v1",
        "file:acme.key",
        "eu",
        "ca.pem",
    )
    [key] = snapshot.keys
    assert [(digest.sha256, digest.until_s) for digest in key.digests] == [(SHA, None), ("cd" * 32, 1_801_353_600)]
    assert (key.tenant, key.team, key.application, key.capabilities, key.scopes, key.expires_s, key.label) == (
        "shop",
        "care",
        "desk",
        {"support"},
        set(Scope),
        1_814_356_800,
        PUBLIC,
    )
    [limit] = snapshot.limits
    assert (limit.by, limit.only, limit.requests_per_minute, limit.tokens_per_minute, limit.budget_nano_usd, limit.period) == (
        LimitBy.TEAM,
        "care",
        60,
        1000,
        2_500_000_000,
        Period.DAY,
    )
    assert found.server == shape.Server(
        listen="127.0.0.1:9000",
        admin="127.0.0.1:9001",
        workers=2,
        database="ledger.db",
        tls=shape.Tls(certificate="a.pem", key="b.pem"),
        bounds=shape.Bounds(max_body_bytes=1, max_header_bytes=2, max_answer_bytes=3, max_sse_line_bytes=4, max_connections=5, max_cache_bytes=6, stall_s=7.0),
    )
    assert found.stamps.keys() == {folder / name for name in ("pointsman.yaml", "rules.csv", "schema.json", "ca.pem", "acme.key", "learned.json")}
    assert found.secret_files == {folder / "ca.pem", folder / "acme.key"}


class _Rates(msgspec.Struct):
    tokens_in: int
    tokens_out: int
    cache_read: int | None
    cache_write: int | None


def test_an_own_address_does_not_inherit_the_usual_credential(tmp_path: Path) -> None:
    found = settings_of(tmp_path, FIVE_LINES + "vendors: {openai: {kind: openai, base_url: 'https://proxy.example.com/v1'}}")
    assert found.snapshot.vendors["openai"].credential is None


def test_all_mistakes_are_told_at_once_each_with_its_line(folder: Path) -> None:
    (folder / "bad.csv").write_text('when,then,answer\ntext ==,answer,x\n"""a"" == ""a""",reply,"two\nlines"\nstream,answer,\n')
    told = told_by(
        folder,
        """
        capabilities:                                        # line 2
          support:
            ladder: [openai/gpt-5-mini, acme/small, openai/gpt-5-mini]
            rules: bad.csv
            cach: true
            owner: [sk-proj-0123456789abcdefghij]
          translate:
            ladder: [own]
            rules: bad.csv
            output_schema: {type: objekt}
          translate:
            ladder: []
        targets:                                             # line 14
          own: {vendor: own, model: x, price: {input_usd_per_million: -1}}
        vendors:
          own: {kind: vllm, base_url: "http://llm.example.com"}
        keys:
          web: {sha256: short, expires: 2027-02-30}
        limits:                                              # line 20
          - {name: a, by: key}
          - {name: b, by: team, budget_usd: .inf}
        server: {listen: "0.0.0.0:80", workers: 1000, admin: 5}
        """,
    )
    assert [line.partition(". ")[0] for line in told] == [
        "pointsman.yaml:6 capabilities.support.cach: there is no such field",
        "pointsman.yaml:7 capabilities.support.owner: this must be a text",
        "pointsman.yaml:7 capabilities.support.owner[0]: this looks like a key itself",
        (
            'pointsman.yaml:11 capabilities.translate.output_schema: this is no usable JSON Schema: "objekt" is not valid under any of '
            "the schemas listed in the 'anyOf' keyword"
        ),
        "pointsman.yaml:12 capabilities.translate: this name stands here twice",
        "pointsman.yaml:15 targets.own.price: the field `output_usd_per_million` is missing",
        "pointsman.yaml:15 targets.own.price.input_usd_per_million: this must be at least 0",
        "pointsman.yaml:17 vendors.own.base_url: data would cross a network in the open",
        "pointsman.yaml:19 keys.web.expires: this value cannot be read",
        "pointsman.yaml:19 keys.web.sha256: this does not have the form that is needed",
        "pointsman.yaml:22 limits[1].budget_usd: this value cannot be read",
        "pointsman.yaml:23 server.admin: this must be a text",
        "pointsman.yaml:23 server.workers: this must be at most 64",
        told[-3].partition(". ")[0],
        "bad.csv:3 rows[1].then: `reply` is not possible before a model; write `answer` or `veto`",
        "bad.csv:5 rows[2].answer: a row that must answer needs an answer",
    ]
    assert told[-3].startswith("bad.csv:2 rows[0].when: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "the file cannot be read: No such file or directory."),
        (b"\xff\xfe\x00", "the file cannot be read: it is not UTF-8 text."),
        ("capabilities: {ä: 1}".encode("utf-16"), "the file cannot be read: it is not UTF-8 text."),
        (b"", "the field `capabilities` is missing."),
        (b"- 1", "the file is no mapping."),
        (b"capabilities: {}", "this must not be empty."),
        (b"capabilities: [", "this is not YAML: "),
        (b"a: \x07", "it holds a character that texts do not have (U+0007)."),
        (b"a: !!python/object:os.system x", "the tag `tag:yaml.org,2002:python/object:os.system` has no meaning here."),
        (b"[" * 100 + b"]" * 100, "it is nested more than 60 levels deep."),
        (b"a: &a [*a]", "its aliases unfold without end."),
        (b"x" * 1_100_000, "the file exceeds 1048576 characters."),
        (b"? [a]\n: 1", "a name must be a plain text."),
        (b"!!set {a}", "the tag `tag:yaml.org,2002:set` has no meaning here."),
        (b"{}\n---\n{}", "this is not YAML: but found another document."),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "pointsman.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsInvalid) as caught:
        load(path, known())
    assert any(says in mistake.says for mistake in caught.value.mistakes)


@pytest.mark.parametrize("opened", ["[[x, y]", "{x: y", "'x", '"x'])
def test_what_is_never_closed_is_told_where_it_begins(tmp_path: Path, opened: str) -> None:
    (told,) = told_by(tmp_path, f"capabilities:\n  a:\n    ladder: {opened}\n    owner: me\n\nserver:\n  workers: 2\n")

    assert told.startswith("pointsman.yaml:3 : this is not YAML: what begins here is not closed by line ")


def test_aliases_that_multiply_are_stopped_early(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert "its aliases unfold without end." in told_by(tmp_path, bomb)[0]


def test_a_mark_at_the_beginning_of_the_file_is_no_mistake(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "\ufeff" + FIVE_LINES.lstrip()).snapshot.capabilities


# ── the name of a snapshot ──────────────────────────────────────────────────────────────────────────────────────────


def digest(folder: Path, source: str) -> str:
    return settings_of(folder, source).snapshot.digest


def test_formatting_order_and_comments_do_not_change_the_name_of_a_snapshot(folder: Path) -> None:
    values: dict[str, Any] = yaml.safe_load(EVERYTHING)
    turned = dict(reversed([*values.items()]))
    name = digest(folder, EVERYTHING)
    assert digest(folder, "# a comment\n" + EVERYTHING.replace("\n", "   \n")) == name
    assert digest(folder, yaml.safe_dump(turned, sort_keys=False)) == name
    assert digest(folder, yaml.safe_dump(values, default_flow_style=True)) == name
    assert digest(folder, msgspec.json.encode(_texts(values)).decode()) == name
    assert digest(folder, EVERYTHING.replace("cache: true", "cache: {ttl_s: 3600.0}")) != name  # a different text of the same meaning may differ


def _texts(value: Any) -> Any:
    """Return the values as JSON has them: dates are texts."""
    if isinstance(value, dict):
        return {name: _texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, one in value.items() for leaf in _leaves(one, (*path, name))]
    if isinstance(value, list):
        return [leaf for index, one in enumerate(value) for leaf in _leaves(one, (*path, index))]
    return [path]


def _changed(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the values with another, usually possible, value at a path."""
    if path:
        copy = value.copy()
        copy[path[0]] = _changed(value[path[0]], path[1:])
        return copy
    others = [
        "own/llama",
        "acme/small",
        "openai/gpt-5-mini",
        "openai/gpt-5",
        "day",
        "month",
        "tools",
        "images",
        "internal",
        "public",
        "restricted",
        "2028-01-01",
    ]
    others += ["call", "admin", "support", "translate", "private", "cloud", "acme", "openai", "vllm", "127.0.0.1:9009", "ef" * 32, "https://other.example/v1"]
    others += ["rules.csv", "other.csv", "care", "team", "tenant"]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return next(iter(sorted(others, key=lambda other: (other == value, hash((other, str(value)))))))


PLAIN = {("server", "listen"): "127.0.0.1:9009", ("server", "admin"): "127.0.0.1:9009", ("capabilities", "support", "data_class"): "internal"}
FREE = ("owner", "unit", "region", "id", "tenant", "application", "model", "database", "certificate", "key")


@pytest.mark.parametrize("leaf", [leaf for leaf in _leaves(yaml.safe_load(EVERYTHING)) if not isinstance(leaf[-1], str) or leaf[-1] in FREE or leaf in PLAIN])
def test_any_changed_value_changes_the_name_of_the_snapshot(folder: Path, leaf: tuple[Any, ...]) -> None:
    values: dict[str, Any] = yaml.safe_load(EVERYTHING)
    name = digest(folder, EVERYTHING)
    changed = _changed(values, leaf) if leaf not in PLAIN else _put(values, leaf, PLAIN[leaf])
    try:
        assert digest(folder, yaml.safe_dump(changed)) != name
    except SettingsInvalid:
        assert leaf[0] in ("capabilities", "targets", "keys", "limits")  # another name that leads nowhere is refused instead


NUMBERS = ("_s", "_bytes", "_usd", "_million", "_minute", "workers", "budget", "tokens", "target", "connections")


@pytest.mark.parametrize("number", [leaf for leaf in _leaves(yaml.safe_load(EVERYTHING)) if str(leaf[-1]).endswith(NUMBERS)])
def test_any_changed_number_changes_the_name_of_the_snapshot(folder: Path, number: tuple[Any, ...]) -> None:
    changed = _changed(yaml.safe_load(EVERYTHING), number)
    assert digest(folder, yaml.safe_dump(changed)) != digest(folder, EVERYTHING)


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    return {**value, path[0]: _put(value[path[0]], path[1:], new)} if path else new


@pytest.mark.parametrize("name", ["rules.csv", "schema.json"])
def test_a_file_beside_it_is_part_of_the_name_of_a_snapshot_and_of_the_capability(folder: Path, name: str) -> None:
    before = settings_of(folder, EVERYTHING).snapshot
    (folder / name).write_text((folder / name).read_text().replace("Hello!", "Hi!").replace("object", "array"))
    after = settings_of(folder, EVERYTHING).snapshot
    assert after.digest != before.digest
    assert _versions(after)["support"] != _versions(before)["support"]
    assert _versions(after)["translate"] == _versions(before)["translate"]


def _versions(snapshot: Snapshot) -> dict[str, str]:
    return {name: capability.version for name, capability in snapshot.capabilities.items()}


# ── laws ────────────────────────────────────────────────────────────────────────────────────────────────────────────

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["openai/gpt-5-mini", "env:X", "2027-01-31", SHA, "acme", "rules.csv", "127.0.0.1:80", "team", "day", "http://[", "\0"]),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
)
FIELDS = sorted({name for kind in vars(shape).values() for name in getattr(kind, "__struct_fields__", ())})
names = st.one_of(st.sampled_from(FIELDS), st.text(max_size=8))
trees = st.recursive(scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)), max_leaves=12)


def loads_or_tells(source: str) -> None:
    mistakes: tuple[Mistake, ...] = ()
    try:
        parse(source, Path("/nowhere/pointsman.yaml"), facts=known())
    except SettingsInvalid as invalid:
        mistakes = invalid.mistakes
    assert all(mistake.says.endswith(".") and mistake.remedy and mistake.line >= 0 for mistake in mistakes)


@settings(max_examples=150)
@given(trees)
def test_any_yaml_is_loaded_or_told_and_nothing_else(tree: Any) -> None:
    loads_or_tells(yaml.safe_dump(tree))


@settings(max_examples=150)
@given(st.data())
def test_any_change_of_a_good_file_is_loaded_or_told_and_nothing_else(data: st.DataObject) -> None:
    values = yaml.safe_load(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 3))):
        values = _put_any(values, data.draw(st.sampled_from(_leaves(values) or [()])), data.draw(trees))
    loads_or_tells(yaml.safe_dump(values))


def _put_any(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _put_any(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%#?,\n\t 1.~\\x\0\ud800\ufeff\x85"), max_size=60))
def test_any_text_is_loaded_or_told_and_nothing_else(source: str) -> None:
    loads_or_tells(source)


def test_the_schema_for_editors_accepts_and_refuses_what_the_gateway_does(folder: Path) -> None:
    validator = jsonschema_rs.validator_for(msgspec.json.decode(schema_json()))
    for good in (FIVE_LINES, EVERYTHING):
        settings_of(folder, good)
        assert validator.is_valid(_texts(yaml.safe_load(good)))
    for path in _leaves(yaml.safe_load(EVERYTHING)):
        broken = _put_any(yaml.safe_load(EVERYTHING), path, {"no": "such"})
        if "output_schema" not in path:  # which may hold anything
            assert not validator.is_valid(_texts(broken)), path
            with pytest.raises(SettingsInvalid):
                settings_of(folder, yaml.safe_dump(broken))


def test_a_whole_number_may_be_written_with_a_point(tmp_path: Path) -> None:
    assert settings_of(tmp_path, FIVE_LINES + "server: {workers: 2.0}").server.workers == 2


def test_indented_text_is_told_at_its_own_line(tmp_path: Path) -> None:
    assert told_by(tmp_path, dedent("a: 1\nb:\n  c: 1\n"))[0].startswith("pointsman.yaml:1 ")
