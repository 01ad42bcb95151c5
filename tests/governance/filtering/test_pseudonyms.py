"""Pseudonyms: the same for the same value in one conversation, strangers everywhere else."""

import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn

from pointsman.governance.filtering.canonical import canonical, redaction
from pointsman.governance.filtering.pseudonyms import Namer, Style, scope_of

KEY = b"the key of a tenant for its pseudonyms"


def a_namer(key: bytes = KEY, *, scope: str = "one", **more: Any) -> Namer:
    return Namer(key, scope=scope, **more)


def opened(content: Any, *later: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": content}]
    return {"model": "support", "messages": [*messages, *({"role": "user", "content": text} for text in later)]}


def scope(wire: dict[str, Any], *, tenant: str = "acme", key_id: str = "web", user: str | None = None) -> str:
    return scope_of(wire, tenant=tenant, key_id=key_id, user=user)


def test_a_pseudonym_tells_the_kind_and_survives_every_notation() -> None:
    assert re.fullmatch(r"EMAIL_[2-7][A-Z2-7]{7}", a_namer().name("email", "ann@example.org"))
    assert re.fullmatch(r"MEDICALRECORD_[2-7][A-Z2-7]{7}", a_namer().name("medical_record", "A 1"))
    assert re.fullmatch(r"SECRET_[2-7][A-Z2-7]{7}", a_namer().name("secret:aws", "A 1"))
    assert re.fullmatch(r"DATA_[2-7][A-Z2-7]{7}", a_namer().name("№", "A 1"))


def test_a_value_has_the_same_pseudonym_in_every_call_of_a_conversation() -> None:
    assert a_namer().name("person", "Ann Smith") == a_namer().name("person", "Ann Smith")


def test_another_tenant_another_conversation_and_another_kind_have_other_pseudonyms() -> None:
    namers = [a_namer(), a_namer(b"the key of another tenant"), a_namer(scope="two")]
    names = {namer.name(kind, "Ann Smith").partition("_")[2] for namer in namers for kind in ("person", "title")}
    assert len(names) == 6


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "Ann@Example.org", "ann@example.ORG"),
        ("phone", "+49 (30) 901-820", "0049 30 901820"),
        ("iban", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("card", "4111-1111-1111-1111", "4111 1111 1111 1111"),
        ("person", "ANN  SMITH", "Ann Smith"),
        ("person", "\uff21nn", "Ann"),  # full-width
    ],
)
def test_ways_to_write_a_value_share_the_beginning_of_its_pseudonym_and_each_comes_back_as_it_was(kind: str, one: str, other: str) -> None:
    namer = a_namer()
    first, second = namer.name(kind, one), namer.name(kind, other)
    assert first[:-2] == second[:-2]
    assert (namer.originals[first], namer.originals[second]) == (one, other)


def test_digests_that_begin_alike_do_not_share_a_pseudonym(monkeypatch: pytest.MonkeyPatch) -> None:
    true = Namer._digest

    def poor(self: Namer, what: str, *parts: str) -> bytes:  # one digest for all values, at the first two attempts
        return bytes(32) if what == "value" and parts[-1] in {"0", "1"} else true(self, what, *parts)

    monkeypatch.setattr(Namer, "_digest", poor)
    namer = a_namer()
    names = [namer.name("person", value) for value in ("Ann", "Bob", "ANN")]
    assert len({name[:-2] for name in names}) == 2
    assert list(namer.originals.values()) == ["Ann", "Bob", "ANN"]


def test_ways_to_write_a_value_that_end_alike_are_told_apart() -> None:
    """Two characters tell the way of writing, so among a hundred ways some digests are alike."""
    namer = a_namer()
    names = {namer.name("person", "Ann" + " " * spaces + "Smith") for spaces in range(1, 101)}
    assert len(names) == 100
    assert len({name[:-2] for name in names}) == 1


def test_a_short_key_is_refused() -> None:
    for key in (b"", b"x" * 15):
        with pytest.raises(ValueError, match="at least 16"):
            a_namer(key)


def test_the_scope_is_the_same_in_all_turns_of_a_conversation() -> None:
    first = scope(opened("My name is Ann."))
    assert scope(opened("My name is Ann.", "And now?")) == first
    assert scope(opened([{"type": "text", "text": "My name is Ann.", "cache_control": {"type": "ephemeral"}}, {"type": "image"}])) == scope(
        opened([{"type": "text", "text": "My name is Ann."}, {"type": "image"}], "And now?")
    )


def test_another_beginning_caller_user_or_tenant_has_another_scope() -> None:
    wire = opened("My name is Ann.")
    scopes = {
        scope(wire),
        scope(opened("My name is Bob.")),
        scope(wire, tenant="b"),
        scope(wire, key_id="b"),
        scope(wire, user="b"),
        scope({}),
        scope({"messages": [1]}),
    }
    assert len(scopes) == 6  # two bodies without words of a user begin alike


def test_what_is_taken_out_for_good_cannot_be_looked_up() -> None:
    namer = a_namer()
    assert re.fullmatch(r"REMOVED_[A-Z2-7]{8}", namer.removed("email", "ann@example.org"))
    assert namer.removed("email", "ann@example.org") == namer.removed("email", "ANN@example.org")
    assert namer.removed("email", "ann@example.org") != namer.removed("email", "bob@example.org")
    assert namer.originals == {}


def test_a_redaction_tells_the_kind_and_of_a_card_the_last_digits() -> None:
    assert redaction("email", "ann@example.org") == "[email removed]"
    assert redaction("birth_date", "1990-01-01") == "[birth date removed]"
    assert redaction("secret:aws_key", "AKIA") == "[secret removed]"
    assert redaction("card", "4111 1111 1111 1111") == "[card …1111]"
    assert redaction("card", "\uff14111-1111-1111-1111") == "[card …1111]"
    for no_card in ("4111 1111 1111 1112", "NDExMTExMTExMTEx", "1111"):  # an encoded card ends in no digits of it
        assert redaction("card", no_card) == "[card removed]"


def test_a_number_of_unknown_country_keeps_its_own_form() -> None:
    assert canonical("phone", "030 901820") == "030901820"


# ── values that look real ───────────────────────────────────────────────────────────────────────────────────────────


def test_surrogates_are_of_ranges_that_belong_to_nobody() -> None:
    namer = a_namer(style=Style.SURROGATES)
    assert re.fullmatch(r"[a-z]+\.[a-z]+\d{4}@example\.com", namer.name("email", "ann@acme.org"))
    assert re.fullmatch(r"\+1 \d{3} 555 01\d\d", namer.name("phone", "+49 30 901820"))
    assert any(ipaddress.ip_address(namer.name("ip", "10.1.2.3")) in ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
    assert luhn.is_valid(namer.name("card", "4111 1111 1111 1111"))
    assert iban.is_valid(namer.name("iban", "DE89 3704 0044 0532 0130 00"), check_country=False)
    assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", namer.name("person", "Ann Smith"))


def test_a_kind_without_such_a_range_and_a_range_used_up_fall_back_to_tokens() -> None:
    namer = a_namer(style=Style.SURROGATES)
    assert namer.name("address", "12 High Street").startswith("ADDRESS_")
    phones = {namer.name("phone", f"+49 30 {number}") for number in range(1500)}
    assert len(phones) == 1500
    assert any(phone.startswith("PHONE_") for phone in phones)


def test_no_surrogate_is_a_part_of_another() -> None:
    namer = a_namer(style=Style.SURROGATES)
    names = [namer.name("ip", f"10.0.0.{number}") for number in range(60)] + [namer.name("person", f"Ann {number}") for number in range(60)]
    assert not [(one, other) for one in names for other in names if one != other and one in other]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["email", "person", "phone"]), st.text(max_size=8)), max_size=8), st.sampled_from(Style))
def test_every_value_of_a_call_comes_back_from_its_pseudonym_alone(values: list[tuple[str, str]], style: Style) -> None:
    namer = a_namer(style=style)
    names = [namer.name(kind, text) for kind, text in values]
    assert [namer.originals[name] for name in names] == [text for _, text in values]
