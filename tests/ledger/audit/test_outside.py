"""
Checkpoints elsewhere: folders, git repositories and witnesses; and what they show of a log that was cut or written anew.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.ledger.audit.logs import ORIGIN, SMALL, START_MS, a_log, a_record, a_written_log

from pointsman.cli.audit import _handler
from pointsman.core.errors import Unusable
from pointsman.ledger.audit import keys
from pointsman.ledger.audit.copying import FolderPlace, GitPlace, WitnessPlace, place_of, places_of
from pointsman.ledger.audit.export import export, proof_of
from pointsman.ledger.audit.note import Checkpoint, Note, Signer, Verifier, read_checkpoint, read_note
from pointsman.ledger.audit.record import leaf_hash
from pointsman.ledger.audit.tree import Tree, included_root
from pointsman.ledger.audit.verifier import verify as second
from pointsman.ledger.audit.verifier.verify import Log, key_of
from pointsman.ledger.audit.verify import Trust, verify
from pointsman.ledger.audit.witness import Witness
from pointsman.storage import audit_copies
from pointsman.storage.audit_copies import ask_witness


def until(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.002)


def public_key(folder: Path) -> Verifier:
    return Verifier(name=ORIGIN, public=keys.open_key(folder, ORIGIN, at_ms=0).signer.public)


@contextmanager
def a_witness(folder: Path, *logs: Verifier) -> Iterator[tuple[Witness, str]]:
    """Serve a witness on a real socket."""
    judge = Witness(folder, name="witness.example/w", logs=logs, wall_s=lambda: START_MS // 1000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(judge))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield judge, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


# ── folders and repositories ────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_outside_has_the_last_checkpoint_and_the_keys(tmp_path: Path) -> None:
    a_written_log(tmp_path / "log", outside=tmp_path / "out")
    kept = tmp_path / "out" / "example.com_gateway"
    assert (kept / "0" / "checkpoint").read_bytes() == (tmp_path / "log" / "0" / "checkpoint").read_bytes()
    assert (kept / "keys" / "0001.note").read_bytes() == (tmp_path / "log" / "keys" / "0001.note").read_bytes()
    assert verify(tmp_path / "log", Trust(outside=[tmp_path / "out"])).outside > 2


def test_a_git_repository_has_a_commit_for_each_copy(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "repo")], check=True)
    (tmp_path / "repo" / "mine.txt").write_text("not to be committed")
    with a_log(tmp_path / "log", places=[GitPlace(tmp_path / "repo")]) as log:
        log.append(a_record(1))
    told = subprocess.run(["git", "-C", str(tmp_path / "repo"), "log", "--format=%s", "--name-only"], capture_output=True, text=True, check=True).stdout
    assert f"Checkpoint of {ORIGIN}/0" in told
    assert "example.com_gateway/0/checkpoint" in told
    assert "mine.txt" not in told
    assert log.copy_trouble is None
    assert verify(tmp_path / "log", Trust(outside=[tmp_path / "repo"])).outside


def test_a_place_that_cannot_be_reached_is_told_and_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    places = [FolderPlace(tmp_path / "file"), GitPlace(tmp_path / "no-repo"), WitnessPlace("http://127.0.0.1:1"), FolderPlace(tmp_path / "good")]
    with a_log(tmp_path / "log", places=places) as log:
        log.append(a_record(1))
        until(lambda: (log.copy_trouble or "").count(";") == 2)
        assert log.trouble is None
    assert "git in" in (log.copy_trouble or "")
    assert (tmp_path / "good" / "example.com_gateway" / "0" / "checkpoint").exists()
    assert "is not copied" in caplog.text


def test_a_witness_that_speaks_no_http_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            for _ in range(2):
                peer, _ = server.accept()
                with peer:
                    peer.recv(65_536)
                    peer.sendall(b"hello\r\n\r\n")

        threading.Thread(target=babble, daemon=True).start()
        with pytest.raises(OSError, match="does not speak HTTP"):
            ask_witness(f"http://127.0.0.1:{server.getsockname()[1]}", "old 0\n\n")
        with pytest.raises(OSError, match=r"SSL|EOF|record|reset"):
            ask_witness(f"https://127.0.0.1:{server.getsockname()[1]}", "old 0\n\n")


def test_a_repository_that_answers_never_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 5\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(audit_copies, "_GIT_S", 0.05)
    with pytest.raises(OSError, match="does not end"):
        audit_copies.keep_in_git(tmp_path / "repo", audit_copies.Copy(origin="a", stream="0", note="x\n\ny\n", keys=(), in_history=False))


def test_a_copy_that_is_the_same_as_before_is_no_commit(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    copy = audit_copies.Copy(origin="a", stream="0", note="x\n\ny\n", keys=(), in_history=False)
    for _ in range(2):
        audit_copies.keep_in_git(tmp_path, copy)
    told = subprocess.run(["git", "-C", str(tmp_path), "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=True)
    assert told.stdout == "1\n"


def test_a_place_is_told_in_one_line_and_by_default_is_the_users_own(tmp_path: Path) -> None:
    key = Verifier(name="w", public=bytes(32)).text
    told = ["file:/mnt/copy", "git:repo", "witness:https://w.example", f"witness:http://w {key}"]
    assert places_of(told, tmp_path, environ={}, home=Path("/there")) == [
        FolderPlace(Path("/mnt/copy")),
        GitPlace(tmp_path / "repo"),
        WitnessPlace("https://w.example"),
        WitnessPlace("http://w", Verifier(name="w", public=bytes(32))),
    ]
    assert places_of([], tmp_path, environ={}, home=Path("/there")) == [FolderPlace(Path("/there/.local/state/pointsman/audit"))]
    assert places_of([], tmp_path, environ={"XDG_STATE_HOME": "/state"}, home=tmp_path) == [FolderPlace(Path("/state/pointsman/audit"))]


@pytest.mark.parametrize("text", ["", "file:", "git:", "ftp:x", "witness:w.example", "witness:http://w key"])
def test_what_is_no_place_is_refused_with_the_remedy(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Write `|Copy the word"):
        place_of(text, tmp_path)
    with pytest.raises(Unusable, match="`audit"):
        places_of([text], tmp_path, environ={}, home=tmp_path)


# ── what only the outside can show ──────────────────────────────────────────────────────────────────────────────────


def test_without_anything_from_outside_a_log_that_was_written_anew_looks_whole(tmp_path: Path) -> None:
    """The honest limit: this is what copies are for."""
    with a_log(tmp_path / "log", places=[FolderPlace(tmp_path / "out")]) as log:
        log.append(a_record(1))
    shutil.rmtree(tmp_path / "log")
    with a_log(tmp_path / "log") as log:
        log.append(a_record(2))
    assert verify(tmp_path / "log").is_good
    assert verify(tmp_path / "log").outside == 0
    found = verify(tmp_path / "log", Trust(outside=[tmp_path / "out"]))
    assert {fault.code for fault in found.faults} == {"keys", "checkpoint"}


def test_a_stream_that_is_gone_is_missed(tmp_path: Path) -> None:
    a_written_log(tmp_path / "log", outside=tmp_path / "out")
    shutil.rmtree(tmp_path / "log" / "1")
    [fault] = verify(tmp_path / "log", Trust(outside=[tmp_path / "out"])).faults
    assert (fault.stream, fault.record, fault.code) == ("1", 0, "missing_stream")
    assert Log(tmp_path / "log", [tmp_path / "out"]).check()["faults"][0]["code"] == "missing_stream"


def test_a_segment_that_is_gone_is_named_by_its_first_record(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    segment = sorted((tmp_path / "0").glob("*.jsonl"))[1]
    segment.unlink()
    [fault] = verify(tmp_path).faults
    assert (fault.record, fault.code) == (int(segment.stem), "missing")
    assert Log(tmp_path).check()["faults"][0]["record"] == fault.record


def test_a_segment_in_the_middle_that_ends_in_half_a_line_is_named(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    one, other = sorted((tmp_path / "0").glob("*.jsonl"))[:2]
    one.write_bytes(one.read_bytes()[:-5])
    for found in (verify(tmp_path).faults[0].record, Log(tmp_path).check()["faults"][0]["record"]):
        assert found == int(other.stem) - 1


def test_a_line_that_is_being_written_is_no_fault(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    with max((tmp_path / "0").glob("*.jsonl")).open("ab") as file:
        file.write(b'{"seq":')
    assert verify(tmp_path).is_good
    assert Log(tmp_path).check()["good"]
    assert "not whole" in verify(tmp_path).streams[0].notes[-1]


def test_an_auditor_who_knows_a_key_or_the_name_is_not_given_another(tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass
    stranger = Verifier(name=ORIGIN, public=Signer(private=Ed25519PrivateKey.generate()).public)
    own = public_key(tmp_path)
    assert verify(tmp_path, Trust(keys=[own], origin=ORIGIN)).is_good
    assert verify(tmp_path, Trust(keys=[stranger])).faults[0].code == "keys"
    assert verify(tmp_path, Trust(origin="example.com/other")).faults[0].code == "origin"
    assert Log(tmp_path, keys=[key_of(own.text)]).check()["good"]
    assert Log(tmp_path, keys=[key_of(stranger.text)]).check()["faults"][0]["code"] == "keys"


def test_a_history_of_keys_that_was_changed_is_no_history(tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass
    keys.rotate(tmp_path, ORIGIN, at_ms=START_MS)
    note = tmp_path / "keys" / "0002.note"
    good = note.read_text()
    for harm in (good.replace(str(START_MS), str(START_MS + 1)), good.replace("\n2\n", "\n3\n"), "nothing", good.rpartition("\n— ")[0] + "\n"):
        note.write_text(harm)
        assert verify(tmp_path).faults[0].code == Log(tmp_path).check()["faults"][0]["code"] == "keys"
    for path in (tmp_path / "keys").iterdir():
        path.unlink()
    assert verify(tmp_path).faults[0].code == Log(tmp_path).check()["faults"][0]["code"] == "keys"


def test_without_its_tree_a_log_is_verified_by_its_links(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    (tmp_path / "0" / "tree.0").unlink()
    assert verify(tmp_path).is_good
    segment = sorted((tmp_path / "0").glob("*.jsonl"))[1]
    segment.write_bytes(segment.read_bytes().replace(b"support", b"tropsup", 1))
    assert verify(tmp_path).faults[0].record == Log(tmp_path).check()["faults"][0]["record"] == int(segment.stem)


def test_a_checkpoint_outside_that_cannot_be_read_or_is_not_signed_is_told(tmp_path: Path) -> None:
    a_written_log(tmp_path / "log", outside=tmp_path / "out")
    path = tmp_path / "out" / "example.com_gateway" / "0" / "checkpoint"
    good = path.read_text()
    for harm in (good.replace("\n\n", "\n", 1) + "\n\n", good.replace("=\n\n", "\n\n"), good.rpartition(" ")[0] + " AAAAAAAA\n"):
        path.write_text(harm)
        assert [fault.code for fault in verify(tmp_path / "log", Trust(outside=[path])).faults] == ["checkpoint"], harm
        assert [fault["code"] for fault in Log(tmp_path / "log", [path]).check()["faults"]] == ["checkpoint"], harm


# ── witnesses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_witness_signs_what_continues_and_auditors_who_trust_it_see_that(tmp_path: Path) -> None:
    with a_log(tmp_path / "log"):
        pass
    with a_witness(tmp_path / "w", public_key(tmp_path / "log")) as (judge, url):
        for number in range(3):
            with a_log(tmp_path / "log", places=[WitnessPlace(url, judge.key)]) as log:
                log.append(a_record(number))
            assert log.copy_trouble is None
    found = verify(tmp_path / "log", Trust(witnesses=[judge.key]))
    assert found.is_good
    assert (found.streams[0].witnessed_s, found.streams[0].pinned) == (START_MS // 1000, found.streams[0].records)
    assert Log(tmp_path / "log", keys=[key_of(judge.key.text)]).check()["good"]
    stranger = Verifier(name="other", public=judge.key.public, kind=judge.key.kind)
    assert verify(tmp_path / "log", Trust(witnesses=[stranger])).faults[0].code == "witness"
    assert Log(tmp_path / "log", keys=[key_of(stranger.text)]).check()["faults"][0]["code"] == "witness"


def test_a_log_that_was_put_back_is_caught_by_its_witness(tmp_path: Path) -> None:
    with a_log(tmp_path / "log"):
        pass
    shutil.copytree(tmp_path / "log", tmp_path / "old")
    with a_witness(tmp_path / "w", public_key(tmp_path / "log")) as (judge, url):
        with a_log(tmp_path / "log", places=[WitnessPlace(url, judge.key)]) as log:
            for number in range(20):
                log.append(a_record(number))
        with a_log(tmp_path / "old", places=[WitnessPlace(url, judge.key)]) as log:
            log.append(a_record(99))
        assert "was cut or put back" in (log.copy_trouble or "")
        with a_log(tmp_path / "old", places=[WitnessPlace(url, judge.key)]) as log:
            for number in range(40):  # longer than what the witness knows, and another log
                log.append(a_record(number + 100))
        assert "does not continue" in (log.copy_trouble or "")


def test_a_witness_with_another_key_than_told_is_not_believed(tmp_path: Path) -> None:
    with a_log(tmp_path / "log"):
        pass
    with a_witness(tmp_path / "w", public_key(tmp_path / "log")) as (judge, url):
        told = Verifier(name=judge.key.name, public=bytes(32), kind=judge.key.kind)
        with a_log(tmp_path / "log", places=[WitnessPlace(url, told)]) as log:
            pass
        assert "did not sign with the key" in (log.copy_trouble or "")


def test_a_witness_answers_as_the_protocol_says(tmp_path: Path) -> None:
    signer = Signer(private=Ed25519PrivateKey.generate())
    log = Verifier(name="a.example/log", public=signer.public)
    tree = Tree()
    tree.push(leaf_hash(b"one"))
    one = tree.root()
    tree.push(leaf_hash(b"two"))

    def asked(old: object, *, size: int = 1, root: bytes = one, origin: str = "a.example/log/0", by: Signer = signer, proof: str = "") -> str:
        head = Checkpoint(origin=origin, size=size, root=root)
        return f"old {old}\n{proof}\n{Note(text=head.text, signatures=(by.sign(head.text, name=origin),)).whole}"

    with a_witness(tmp_path / "w", log) as (_, url):
        stranger = Signer(private=Ed25519PrivateKey.generate())
        assert ask_witness(url, asked(0, origin="b.example/log/0"))[0] == 404
        assert ask_witness(url, asked(0, by=stranger))[0] == 403
        assert ask_witness(url, asked(2))[0] == 400
        assert ask_witness(url, asked("x"))[0] == 400
        assert ask_witness(url, asked("00"))[0] == 400
        assert ask_witness(url, asked(0, proof="AAAA\n"))[0] == 400
        assert ask_witness(url, asked(0, proof="!\n"))[0] == 400
        assert ask_witness(url, "nothing")[0] == 400
        assert ask_witness(url, asked(0, proof="A" * 43 + "=\n"))[0] == 422
        status, answer = ask_witness(url, asked(0))
        assert (status, answer[:20]) == (200, "— witness.example/w ")
        assert ask_witness(url, asked(1))[0] == 200
        assert ask_witness(url, asked(0)) == (409, "1\n")
        assert ask_witness(url, asked(1, root=bytes(32)))[0] == 409
        assert ask_witness(url, asked(1, size=2, root=tree.root()))[0] == 422
        assert ask_witness(f"{url}/elsewhere", "")[0] == 404
        assert ask_witness(url, "x" * 70_000)[0] == 413
    with a_witness(tmp_path / "w", log) as (_, url):  # it remembers
        assert ask_witness(url, asked(0)) == (409, "1\n")


# ── what an auditor takes along ─────────────────────────────────────────────────────────────────────────────────────


def test_an_export_holds_all_that_is_public_and_nothing_that_is_not(tmp_path: Path) -> None:
    a_written_log(tmp_path / "log", outside=tmp_path / "out")
    export(tmp_path / "log", tmp_path / "x")
    names = {path.name for path in (tmp_path / "x").rglob("*")}
    assert {"origin", "verify.py", "0001.note", "checkpoint", "checkpoints", "tree.0", "00000000000000000000.jsonl"} <= names
    assert not names & {"signing.key", "subjects.key", "subjects.db", "lock", "keys.lock"}
    assert verify(tmp_path / "x", Trust(outside=[tmp_path / "out"])).is_good


def test_the_exported_verifier_needs_nothing_but_python(tmp_path: Path) -> None:
    a_written_log(tmp_path / "log", outside=tmp_path / "out")
    export(tmp_path / "log", tmp_path / "x")
    words = ["python3", "-I", "-S", str(tmp_path / "x" / "verify.py"), str(tmp_path / "x"), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=55)
    assert (done.returncode, done.stdout.strip().split("\n")[-1]) == (0, "Whole.")
    segment = sorted((tmp_path / "x" / "1").glob("*.jsonl"))[1]
    segment.write_bytes(segment.read_bytes().replace(b"support", b"tropsup", 1))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=55)
    assert done.returncode == 1
    assert f"WRONG in stream 1, record {int(segment.stem)}" in done.stdout


@pytest.mark.parametrize(
    "line",
    [b"no json", b"[]", b'{"seq":0,"kind":"x"}', b'{"seq":0,"kind":"x","at_ms":"x"}', b'{"seq":"0","kind":"x","at_ms":1}', b'{"seq":7,"kind":"x","at_ms":1}'],
)
def test_what_is_no_record_is_named_by_both(line: bytes, tmp_path: Path) -> None:
    with a_log(tmp_path):
        pass
    segment = min((tmp_path / "0").glob("*.jsonl"))
    first, _, rest = segment.read_bytes().partition(b"\n")
    segment.write_bytes(b"\n".join([first, line, rest]))
    assert verify(tmp_path).faults[0].record == Log(tmp_path).check()["faults"][0]["record"] == 1


def test_the_second_verifier_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    a_written_log(tmp_path / "log", outside=tmp_path / "out")
    own = public_key(tmp_path / "log").text

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["verify.py", *words])
        try:
            code = second.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    monkeypatch.chdir(tmp_path)
    assert run("log", "out", "--key", own)[1].endswith("Whole.\n")
    assert run("log", "out/example.com_gateway/0/checkpoint", "out/example.com_gateway/keys/0001.note")[0] == 0
    assert "nobody can tell whether its end was cut" in run("log")[1]
    assert run("out")[0] == 2
    for word in (own[:-4], "nonsense", own.replace("+A", "+!")):
        assert "is no key" in run("log", "--key", word)[1]
    with (tmp_path / "log" / "0" / "checkpoint").open("a") as file:
        file.write("more")
    code, told = run("log", "--json")
    assert code == 1
    assert '"code": "checkpoint"' in told


def test_a_checkpoint_over_nothing_is_a_checkpoint(tmp_path: Path) -> None:
    """A witness may have seen a log before its first record."""
    with a_log(tmp_path):
        pass
    head = Checkpoint(origin=f"{ORIGIN}/0", size=0, root=Tree().root())
    signed = keys.open_key(tmp_path, ORIGIN, at_ms=0).signer.sign(head.text, name=head.origin)
    (tmp_path / "first").write_text(Note(text=head.text, signatures=(signed,)).whole)
    assert verify(tmp_path, Trust(outside=[tmp_path / "first"])).is_good
    assert Log(tmp_path, [tmp_path / "first"]).check()["good"]
    (tmp_path / "first").write_text(f"{ORIGIN}/0\nseven\n\n— a AAAA\n")
    assert verify(tmp_path, Trust(outside=[tmp_path / "first"])).faults[0].code == "checkpoint"
    assert Log(tmp_path, [tmp_path / "first"]).check()["faults"][0]["code"] == "checkpoint"


def test_a_proof_leads_from_the_record_to_the_signed_root(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    found = proof_of(tmp_path, "0", number=17)
    head, _, whole = found.text.partition("\n\n")
    first, index, *hashes = head.split("\n")
    assert (first, index) == ("c2sp.org/tlog-proof@v1", "index 17")
    signed = read_checkpoint(read_note(whole).text)
    path = [b64decode(text, validate=True) for text in hashes]
    assert included_root(leaf_hash(found.line), 17, size=signed.size, path=path) == signed.root


def test_there_is_no_proof_of_what_is_not_signed_or_was_changed(tmp_path: Path) -> None:
    a_written_log(tmp_path)
    with pytest.raises(Unusable, match="not signed yet"):
        proof_of(tmp_path, "0", number=10_000)
    with pytest.raises(Unusable, match="no checkpoint of stream"):
        proof_of(tmp_path, "7", number=0)
    segment = min((tmp_path / "0").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b"support", b"tropsup", 1))
    with pytest.raises(Unusable, match="not the one that was signed"):
        proof_of(tmp_path, "0", number=1)


def test_a_proof_carries_the_signature_of_a_witness_if_there_is_one(tmp_path: Path) -> None:
    with a_log(tmp_path / "log"):
        pass
    with a_witness(tmp_path / "w", public_key(tmp_path / "log")) as (judge, url), a_log(tmp_path / "log", places=[WitnessPlace(url, judge.key)], pace=SMALL):
        pass
    assert "— witness.example/w " in proof_of(tmp_path / "log", "0", number=0).text
