"""
Sending letters: to real servers, secured as asked, and with nothing of a secret in what goes wrong.
"""

from typing import Any

import pytest
from tests.transport.certificates import certificate
from tests.transport.mail_server import MailServer

from pointsman.transport.mail import Letter, Server, send
from pointsman.transport.post import Undelivered

LETTER = Letter(sender="gateway@example.com", to=("ops@example.com", "boss@example.com"), subject="Köln burns", text="Look — at once.\n.hidden dot\n")
PASSWORD = "correct horse"


def to(server: MailServer, **more: Any) -> Server:
    return Server(**{"host": "127.0.0.1", "port": server.port, "security": "none", "timeout_s": 5.0, **more})


def test_a_letter_arrives_whole() -> None:
    with MailServer() as server:
        send(LETTER, to(server))
    ((sender, receivers, text),) = server.letters
    assert (sender, receivers) == ("gateway@example.com", ["ops@example.com", "boss@example.com"])
    assert "from: gateway@example.com" in text.lower()
    assert "=?utf-8?q?K=C3=B6ln?= burns" in text
    assert "..hidden dot" in text


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_is_told_under_tls_only(security: str) -> None:
    files = certificate()
    with MailServer(tls=files.server(), is_implicit=security == "tls") as server:
        send(LETTER, to(server, security=security, user="gateway", password=PASSWORD, ca_file=str(files.ca)))
    assert server.signed_in == [("gateway", PASSWORD)]
    assert server.was_secure == [True]


def test_without_tls_no_password_is_told() -> None:
    with MailServer() as server:
        with pytest.raises(Undelivered, match="in the open"):
            send(LETTER, to(server, user="gateway", password=PASSWORD))
        assert server.signed_in == []


def test_a_server_that_cannot_prove_its_name_gets_nothing() -> None:
    with MailServer(tls=certificate().server()) as server:
        with pytest.raises(Undelivered, match="cannot be reached"):
            send(LETTER, to(server, security="starttls", user="gateway", password=PASSWORD))
        assert (server.letters, server.signed_in) == ([], [])


def test_a_server_without_starttls_gets_nothing() -> None:
    with MailServer() as server:
        with pytest.raises(Undelivered, match="does not take the letter"):
            send(LETTER, to(server, security="starttls"))
        assert server.letters == []


@pytest.mark.parametrize(
    ("answers", "says"),
    [({"MAIL": f"550 not you {PASSWORD}"}, "answers 550"), ({"AUTH": f"535 wrong {PASSWORD}"}, "answers 535"), ({"DATA": "451 later"}, "answers 451")],
)
def test_what_a_server_refuses_is_told_without_its_words(answers: dict[str, str], says: str) -> None:
    files = certificate()
    with MailServer(tls=files.server(), is_implicit=True, answers=answers) as server, pytest.raises(Undelivered, match=says) as told:
        send(LETTER, to(server, security="tls", user="gateway", password=PASSWORD, ca_file=str(files.ca)))
    assert PASSWORD not in str(told.value)


def test_nobody_at_the_other_end_is_told() -> None:
    with MailServer() as server:
        at = to(server)
    with pytest.raises(Undelivered, match="cannot be reached"):
        send(LETTER, at)


@pytest.mark.parametrize("host", ["169.254.169.254", "8.8.8.8"])
def test_without_tls_nothing_leaves_the_near_networks_and_nothing_ever_goes_to_nobody(host: str) -> None:
    with pytest.raises(Undelivered, match="not allowed"):
        send(LETTER, Server(host=host, port=25, security="none", timeout_s=0.2))


def test_a_server_is_shown_without_its_password() -> None:
    assert PASSWORD not in repr(Server(host="mail", port=25, user="gateway", password=PASSWORD))


def test_an_address_that_would_begin_another_line_goes_nowhere() -> None:
    with MailServer() as server:
        with pytest.raises(Undelivered):
            send(Letter(sender="a@b.c", to=("x@y.z",), subject="one\nbcc: all@example.com", text=""), to(server))
        assert server.letters == []
