"""
Mail, web, IP and hardware addresses.
"""

import pytest

from pointsman.governance.detection.identifiers.structured import StructuredDetector

DETECTOR = StructuredDetector()


def found(text: str, *kinds: str) -> list[str]:
    return [text[one.start : one.end] for one in DETECTOR.find(text) if one.kind in kinds]


@pytest.mark.parametrize(
    "address",
    [
        "john.doe@example.com",
        "j@x.io",
        "first+tag@sub.example.co.uk",
        "o'neil@example.org",
        "jörg.müller@beispiel.de",
        "a_b-c@xn--bcher-kva.example",
        "анна@пример.рф",
        "joe@10gen.com",
    ],
)
def test_a_mail_address_is_found(address: str) -> None:
    assert found(f"Write to {address}, or to <{address}>.", "email") == [address, address]


@pytest.mark.parametrize(
    "text",
    [
        "@property",
        "a @ b",
        "user@host",
        "icon@2x.png",
        "git@github.com",
        "react@18.2.0",
        "joe@",
        "@example.com",
        "joe@.com",
        "joe@-.-",
        "x@y.123",
        "see @example.com@",
        "…@…",
    ],
)
def test_other_signs_are_no_mail_address(text: str) -> None:
    assert found(text, "email") == []


def test_what_is_glued_to_a_mail_address_is_left_out() -> None:
    assert found("email=joe@example.com&x=1", "email") == ["joe@example.com"]
    assert found("mailto:joe@example.com.", "email") == ["joe@example.com"]
    assert found("{\\njoe@example.com\\n}", "email") == ["joe@example.com"]
    assert found("joe@example.com.-", "email") == ["joe@example.com"]
    assert found("joe@example.com.123", "email") == ["joe@example.com"]


def test_a_chain_of_signs_is_one_address_at_most() -> None:
    assert found("a@b.com@c.com", "email") == ["a@b.com"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see http://www.example.com/a?b=1.", "http://www.example.com/a?b=1"),
        ("(https://en.wikipedia.org/wiki/Card_(payment))", "https://en.wikipedia.org/wiki/Card_(payment)"),
        ("[x](http://a.b/c)", "http://a.b/c"),
        ("[[http://a.b/c]]", "http://a.b/c"),
        ("www.example.org/x, thanks", "www.example.org/x"),
        ("postgres is ftp://u@h/x!", "ftp://u@h/x"),
    ],
)
def test_a_web_address_ends_where_a_reader_would_end_it(text: str, url: str) -> None:
    assert found(text, "url") == [url]


def test_an_ip_address_is_found() -> None:
    assert found("from 106.31.73.20:8080 and 10.2.3.4, then 2001:db8::8a2e:370:7334", "ip") == ["106.31.73.20", "10.2.3.4", "2001:db8::8a2e:370:7334"]


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "0.0.0.0",
        "255.255.255.0",
        "version 1.2.3.4",
        "v1.2.3.4",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "12:30:45",
        "dead::beef",
        "std::a::b::c::d",
        "11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00",
        "1:2:3:4:5:6:7:8:9",
        "ab:cd:ef:ab",
        "g1:a2:b3:c4:d5",
    ],
)
def test_versions_masks_times_and_names_in_programs_are_no_ip_address(text: str) -> None:
    assert found(text, "ip") == []


def test_an_ip_address_at_the_end_of_a_clause_is_found_without_its_colon() -> None:
    assert found("from 2001:db8:0:1:1:1:1:1: denied", "ip") == ["2001:db8:0:1:1:1:1:1"]


def test_the_address_of_a_network_card_is_found() -> None:
    assert found("00:1A:2b:3c:4d:5e and 00-1A-2B-3C-4D-5F", "mac") == ["00:1A:2b:3c:4d:5e", "00-1A-2B-3C-4D-5F"]
    assert found("11:22:33:44:55:66:77:88", "mac") == []


@pytest.mark.parametrize("host", ["git.acme.corp", "wiki.acme.intranet", "db-1.local", "db1.prod.internal", "nas.home.arpa"])
def test_a_host_that_only_we_know_is_found(host: str) -> None:
    assert found(f"open {host} now", "internal_host") == [host]


def test_a_host_with_a_port_is_found_under_any_private_ending() -> None:
    assert found("connect to printer.local:631", "internal_host") == ["printer.local"]


@pytest.mark.parametrize(
    "text", ["threading.local()", "py.path.local", "hypothesis.internal.floats", "git.acme.corp.example", "joe@acme.corp", "acme.corporation", "x.local_name"]
)
def test_names_in_programs_are_no_hosts(text: str) -> None:
    assert found(text, "internal_host") == []
