from pathlib import Path

import pytest

from pointsman.core.errors import CredentialMissing, Unusable
from pointsman.settings.ledger_place import ledger_place, passwords_of, without_password

URL = "postgresql://ann:pass%40word@host/ledger"


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ("pointsman.db", Path("/etc/pointsman/pointsman.db")),
        ("/var/lib/ledger.db", Path("/var/lib/ledger.db")),
        ("postgresql://ann@host/ledger", "postgresql://ann@host/ledger"),
        ("env:LEDGER_URL", URL),
    ],
)
def test_a_ledger_is_a_file_or_a_database(told: str, place: object) -> None:
    assert ledger_place(told, folder=Path("/etc/pointsman"), environ={"LEDGER_URL": URL}) == place


def test_a_reference_that_leads_to_no_database_is_told_without_what_it_leads_to() -> None:
    with pytest.raises(Unusable, match=r"`env:LEDGER_URL` to something that is no URL of a database. Write") as told:
        ledger_place("env:LEDGER_URL", folder=Path(), environ={"LEDGER_URL": "mysql://ann:secret@host/x"})
    assert "mysql" not in str(told.value)
    with pytest.raises(CredentialMissing, match="LEDGER_URL"):
        ledger_place("env:LEDGER_URL", folder=Path(), environ={})


def test_a_password_is_found_as_it_is_written_and_as_it_is_meant() -> None:
    assert set(passwords_of(URL)) == {"pass%40word", "pass@word"}
    assert passwords_of("postgresql://ann@host/x") == ()
    assert without_password(URL) == "postgresql://ann:***@host/ledger"
