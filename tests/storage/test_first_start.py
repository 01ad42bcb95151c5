"""
The first start of several workers: all make the same files at the same moment, and each finds them whole.
"""

import os
import subprocess
import sys
from pathlib import Path

ROUNDS = 5
WORKERS = 4

# In a process of its own, because forking one that has threads is unsafe.
PROGRAM = """
import multiprocessing, sys, traceback
from pathlib import Path
from pointsman.ledger.content.opening import open_files
from pointsman.settings.retention_compile import retention_of
from pointsman.settings.retention_shape import Retention
from pointsman.storage.audit_salts import Salts
from pointsman.storage.content_files import open_file
from pointsman.storage.identity_file import IdentityFile

def work(folder, barrier, told):
    try:
        barrier.wait(50)
        files = open_files(folder, retention_of(Retention()), ledger="pointsman.db", environ={})
        barrier.wait(50)
        salts, identity, content = Salts(folder), IdentityFile(folder / "identity.db"), open_file(folder / "content.db", "content")
        found = salts.of("acme", "ada")
        salts.commit()
        told.put((files.keys.subject("acme", "ada"), found.hex()))
    except BaseException:
        told.put(traceback.format_exc())
        barrier.abort()

context = multiprocessing.get_context("fork")
for number in range(int(sys.argv[2])):
    folder = Path(sys.argv[1]) / str(number)
    folder.mkdir()
    barrier, told = context.Barrier(int(sys.argv[3])), context.Queue()
    workers = [context.Process(target=work, args=(folder, barrier, told)) for _ in range(int(sys.argv[3]))]
    for worker in workers:
        worker.start()
    answers = {told.get(timeout=50) for _ in workers}
    for worker in workers:
        worker.join()
    if len(answers) != 1 or not isinstance(next(iter(answers)), tuple):
        sys.exit("\\n".join(map(str, answers)))
    print(sorted(path.name for path in folder.iterdir() if path.suffix != ".db-wal" and path.suffix != ".db-shm"))
"""


def test_workers_that_start_at_the_same_moment_find_one_master_key_and_whole_files(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROGRAM, str(tmp_path), str(ROUNDS), str(WORKERS)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it has something to say in every fork
    done = subprocess.run(words, env=plain, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    names = str(["content.db", "identity.db", "pointsman-keys.db", "pointsman-master.key", "subjects.db", "subjects.key"])
    assert done.stdout.splitlines() == [names] * ROUNDS
