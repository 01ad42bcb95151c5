"""
What is kept of a call is what configuration and verdict allow, and nobody is asked for more.
"""

import msgspec
import pytest
from tests.ledger.content.kept import DAY_MS, NOW_MS
from tests.values import a_key, a_principal

from pointsman.core.ids import uuid7
from pointsman.core.label import UNKNOWN, Label, a_label
from pointsman.core.verdict import Keeping, Verdict
from pointsman.ledger.content.keeper import record_of
from pointsman.ledger.content.records import ContentRecord
from pointsman.settings.retention_compile import retention_of
from pointsman.settings.retention_shape import Retention as Told

CALL = uuid7(now_ms=NOW_MS, random_bits=1)
RETENTION = retention_of(
    msgspec.convert({"content": "full", "content_for": "2d", "classes": {"personal": {"content": "filtered"}, "health": {"content": "hash"}}}, Told)
)
SAID = {Keeping.FULL: (b"Ada asks", b"Ada hears"), Keeping.FILTERED: (b"<1> asks", None)}


def kept(label: Label, keeping: Keeping = Keeping.FULL) -> ContentRecord | None:
    verdict = Verdict(label=label, mask=0, snapshot="0123456789abcdef", keeping=keeping)
    return record_of(CALL, a_principal(a_key(tenant="acme"), user="ada"), unit="t-1", verdict=verdict, retention=RETENTION, said=SAID.__getitem__)


@pytest.mark.parametrize(
    ("label", "keeping", "request_", "answer"),
    [
        (a_label("internal"), Keeping.FULL, b"Ada asks", b"Ada hears"),
        (a_label("internal", "personal"), Keeping.FILTERED, b"<1> asks", None),
        (a_label("health"), Keeping.HASH, b"Ada asks", b"Ada hears"),
    ],
)
def test_a_call_is_kept_in_the_form_that_its_data_allows(label: Label, keeping: Keeping, request_: bytes, answer: bytes | None) -> None:
    record = kept(label)
    assert record is not None
    assert (record.keeping, record.request, record.answer) == (keeping, request_, answer)
    assert (record.tenant, record.subject, record.unit, record.until_ms) == ("acme", "ada", "t-1", NOW_MS + 2 * DAY_MS)


@pytest.mark.parametrize(("label", "keeping"), [(a_label("internal"), Keeping.NOTHING), (UNKNOWN, Keeping.FULL), (a_label("secret"), Keeping.FULL)])
def test_where_nothing_may_be_kept_nobody_is_asked_for_it(label: Label, keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAID, Keeping.FULL, None)
    assert kept(label, keeping) is None
