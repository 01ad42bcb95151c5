"""
`pointsman console`: the way in.
"""

from pathlib import Path

import pytest
from tests.cli.conftest import Run

from pointsman.intake.sessions import digest_of
from pointsman.storage.identity_links import use_link

FILE = """\
capabilities:
  support: {ladder: [openai/gpt-6-luna]}
"""
LOGIN = """\
identity:
  login: {issuer: "https://id.example.com", client_id: pointsman, url: "https://admin.example.com"}
"""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_link_is_printed_that_a_running_gateway_will_let_in_once(run: Run, tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "pointsman.yaml").write_text(FILE)
    done = run("console", "link", *(["--json"] if as_json else []))
    link = done.json["link"] if as_json else done.out.strip()
    assert link.startswith("http://127.0.0.1:8801/enter?code=")
    assert use_link(tmp_path / "pointsman-identity.db", digest_of(link.partition("code=")[2]), now_s=0.0)


def test_where_people_sign_in_through_a_provider_there_is_no_link(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pointsman.yaml").write_text(FILE + LOGIN)
    done = run("console", "link")
    assert (done.code, "https://admin.example.com/console" in done.err) == (1, True)
