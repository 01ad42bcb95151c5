"""
`pointsman audit`: the log verified, asked, exported, proven and witnessed from the command line.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.cli.conftest import Run
from tests.cli.running import finish, start
from tests.ledger import entries
from tests.ledger.audit.logs import ORIGIN, START_MS, a_log, a_record

from pointsman.ledger.audit.copying import FolderPlace, WitnessPlace
from pointsman.ledger.audit.note import read_verifier
from pointsman.ledger.audit.record import AuditRecord, Kind
from pointsman.ledger.writer import Ledger
from pointsman.storage.audit_files import segments_of

FILE = """\
capabilities:
  support: {ladder: [openai/gpt-6-luna]}
audit:
  origin: example.com/gateway
  copies: ["file:outside"]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """A configuration, its log with a copy outside, and its ledger."""
    (tmp_path / "pointsman.yaml").write_text(FILE)
    folder = tmp_path / "pointsman.audit"
    with a_log(folder, places=[FolderPlace(tmp_path / "outside")]) as log:
        log.append(AuditRecord(kind=Kind.POLICY_CHANGED, at_ms=START_MS + 1000, actor="chief@example.com", policy="0123456789abcdef"))
        for number in range(1, 4):
            log.append(a_record(number, tokens_in=10, tokens_out=5, cost_nano_usd=1000, cache="" if number < 3 else "earlier", facts={"try": number}))
    return folder


def booked(folder: Path, *numbers: int) -> None:
    """Book these calls in the ledger."""
    ledger = Ledger(folder.parent / "pointsman.db")
    for number in numbers:
        ledger.book(msgspec.structs.replace(entries.a_record(number, at_ms=START_MS + 1500), call_id=a_record(number).call_id))
    ledger.close()


def harm(folder: Path) -> None:
    segment = segments_of(folder / "0")[0].path
    segment.write_bytes(segment.read_bytes().replace(b"acme/small", b"home/small", 1))


def test_a_whole_log_is_verified_with_its_copies_and_its_ledger(run: Run, folder: Path) -> None:
    booked(folder, 1, 2, 3)
    done = run("audit", "verify")
    assert done.code == 0
    assert f"The log {ORIGIN} is whole: 6 records, 1 stream, 1 key." in done.out
    assert "0 to 5" in done.out
    assert "3 calls sent data by the ledger and by this log." in done.out
    assert "warning" not in done.err
    told = run("audit", "verify", "--json").json
    assert (told["good"], told["streams"][0]["records"], told["ledger"]["both"]) == (True, 6, 3)


def test_a_changed_record_is_named_and_the_exit_code_says_so(run: Run, folder: Path) -> None:
    harm(folder)
    done = run("audit", "verify")
    assert done.code == 1
    assert f"The log {ORIGIN} is NOT whole" in done.out
    assert "WRONG · stream 0, record 2: record 2 is not the one that was written" in done.out
    told = run("audit", "verify", "--json")
    assert (told.code, told.json["faults"][0]["record"], told.json["faults"][0]["code"]) == (1, 2, "changed")


def test_calls_that_only_one_of_log_and_ledger_knows_are_told(run: Run, folder: Path) -> None:
    booked(folder, 1, 7)
    done = run("audit", "verify")
    assert done.code == 1
    assert f"WRONG: 1 call of the ledger sent data without a record here: {a_record(7).call_id}" in done.out
    assert "2 calls with a record here are not in the ledger" in done.err


def test_without_anything_from_outside_verify_says_what_it_cannot_know(run: Run, folder: Path) -> None:
    done = run("audit", "verify", str(folder))
    assert done.code == 0
    assert "No checkpoint from outside was compared" in done.err
    assert run("audit", "verify", str(folder), "--outside", "outside").err == ""


def test_odd_things_and_faults_of_keys_are_told(run: Run, folder: Path) -> None:
    with a_log(folder) as log:
        log.append(AuditRecord(kind=Kind.ADMIN, at_ms=START_MS - 600_000))
    assert "note: stream 0: the clock went back" in run("audit", "verify", str(folder)).err
    (folder / "keys" / "0001.note").write_text("nothing")
    assert "WRONG: the note of key 1 cannot be read" in run("audit", "verify", str(folder)).out
    assert "does not hold together" in run("audit", "keys").err


def test_what_is_no_log_or_no_key_or_no_ledger_is_told_with_the_remedy(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no audit log" in run("audit", "verify", "empty").err
    assert "no audit log" in run("audit", "keys", "--folder", "empty").err
    assert "Copy the whole word" in run("audit", "verify", "--key", "nonsense").err
    (tmp_path / "none.db").write_bytes(b"x" * 2000)
    assert "cannot be read" in run("audit", "verify", "--database", "none.db").err
    segments_of(folder / "0")[0].path.unlink()
    (folder / "0" / "00000000000000000000.jsonl").mkdir()  # where a file should be
    assert "The log cannot be read" in run("audit", "verify").err


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (("--subject", "globex/user-1"), 1),
        (("--unit", "T-2"), 1),
        (("--request", a_record(3).call_id), 1),
        (("--request", "earlier"), 1),
        (("--subject", "acme/user-1"), 0),
    ],
)
def test_the_trail_tells_where_data_went_and_who_could_have_seen_it(words: tuple[str, str], calls: int, run: Run) -> None:
    done = run("audit", "trail", *words)
    assert done.out.count("to acme/small (acme, eu, contracted)") == calls
    if calls:
        assert re.search(
            r"data internal\+personal · found email 1 · after personal:pseudonymise · sent .*tokens 10\+5 · \$0.000001 · policy 0123456789abcdef", done.out
        )
        assert "Who could have seen it:\n  target       acme/small (run by acme, in eu, zone contracted)" in done.out
        assert len(run("audit", "trail", *words, "--json").json["records"]) == calls
    else:
        assert "There is no record of it" in done.err


def test_a_trail_on_which_nothing_was_sent_says_so(run: Run, folder: Path) -> None:
    with a_log(folder) as log:
        log.append(AuditRecord(kind=Kind.REFUSAL, at_ms=START_MS, call_id="refused", outcome="no_place_allowed"))
    assert "nothing was sent" in run("audit", "trail", "--request", "refused").out


def test_a_trail_is_asked_for_one_thing(run: Run) -> None:
    assert run("audit", "trail").code == 2
    assert run("audit", "trail", "--unit", "a", "--request", "b").code == 2
    assert "Write `TENANT/USER`" in run("audit", "trail", "--subject", "anna").err


def test_an_export_is_verified_by_what_lies_beside_it(run: Run, tmp_path: Path) -> None:
    assert "python3 x/verify.py x OUTSIDE" in run("audit", "export", "x").err
    done = subprocess.run([sys.executable, "-I", "x/verify.py", "x", "outside", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["good"]) == (0, True)
    plain = subprocess.run([sys.executable, "-I", "x/verify.py", "x"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Whole in itself. Without a checkpoint from outside" in plain.stdout
    for words in (["outside"], ["x", "--key", "nonsense"]):
        assert subprocess.run([sys.executable, "-I", "x/verify.py", *words], cwd=tmp_path, capture_output=True, check=False).returncode == 2
    assert "is not empty" in run("audit", "export", "x").err


def test_an_export_to_where_nothing_can_be_written_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be copied" in run("audit", "export", "file/x").err


def test_a_proof_is_printed_with_its_record(run: Run) -> None:
    done = run("audit", "proof", "--record", "2")
    assert done.out.startswith("c2sp.org/tlog-proof@v1\nindex 2\n")
    assert '"seq":2' in done.err
    assert run("audit", "proof", "--record", "2", "--json").json["proof"] == done.out
    assert run("audit", "proof", "--record", "2", "--stream", "../x").code == 2


def test_keys_are_shown_and_handed_over(run: Run) -> None:
    [one] = run("audit", "keys", "--json").json["keys"]
    made = run("audit", "rotate-key").out.strip()
    assert run("audit", "keys").out.split() == [one, made]
    assert run("audit", "verify", "--key", one, "--key", made).code == 0
    assert read_verifier(made).name == ORIGIN


def test_a_witness_is_a_command_of_its_own(run: Run, folder: Path, tmp_path: Path) -> None:
    process = start("audit", "witness", "--listen", "127.0.0.1:0", "--folder", "w", "--log", run("audit", "keys").out.strip(), folder=tmp_path)
    try:
        assert process.stderr is not None
        assert process.stdout is not None
        url = re.search(r"http://\S+?(?=\.?\s)", process.stderr.readline())
        assert url is not None
        key = process.stdout.readline().strip()
        with a_log(folder, places=[WitnessPlace(url[0], read_verifier(key))]) as log:
            log.append(a_record(4))
        assert log.copy_trouble is None
    finally:
        process.terminate()
        finish(process)
    (tmp_path / "pointsman.yaml").write_text(FILE.replace('"file:outside"', f'"witness:{url[0]} {key}"'))
    assert run("audit", "verify").code == 0
    shutil.rmtree(folder / "0" / "cosigned")
    assert "no checkpoint is signed by a witness that you trust" in run("audit", "verify").out


def test_a_witness_that_cannot_listen_says_why(run: Run) -> None:
    key = run("audit", "keys").out.strip()
    assert "is no address" in run("audit", "witness", "--listen", "nowhere", "--log", key).err
    assert "Cannot listen" in run("audit", "witness", "--listen", "127.0.0.1:99999", "--log", key).err
