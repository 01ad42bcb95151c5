"""
What governance costs a call: looking, labelling, judging, filtering and restoring, in this process and over HTTP.

    python bench/governance/stage.py [--quick]

- The stage: `Judge.judge` and `Judged.ready` for a public target, the same objects as the gateway's, on texts that were not seen before (benign prompts of
  `injection/benign_prompts` and texts of `personal_data`, joined and cut to 2 and 4 kB). Wall time; the median over rounds of each round's p50 and p99.
- Filtering and restoring alone: for texts in which something was found.
- Throughput: `pointsman up` on one core with detection, and without any detector, asked the same fresh texts in turn by a generator on the other core, in
  front of the mock in C. What is compared is CPU per request, which is what a full core divides by; goal: at least 70 % of the throughput without.
"""

import argparse
import asyncio
import hashlib
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # not this folder: it has a `secrets.py`
sys.path.append(str(ROOT / "bench"))

import yaml  # noqa: E402
from contenders import GATEWAY_CORE, LOAD_CORE, MOCK_PORT, Contender, build, mock  # noqa: E402
from tests.settings.files import known  # noqa: E402

from pointsman.app.governing import Governing  # noqa: E402
from pointsman.core.call import Call, Text  # noqa: E402
from pointsman.core.principal import Principal  # noqa: E402
from pointsman.core.reply import Finish, Reply  # noqa: E402
from pointsman.governance.detection.scanner import Scanner  # noqa: E402
from pointsman.governance.judge import Judge, Judged  # noqa: E402
from pointsman.intake.keys import mint  # noqa: E402
from pointsman.settings.load import load  # noqa: E402
from pointsman.surfaces.registry import OPENAI  # noqa: E402

DATA: Final = Path(os.environ.get("POINTSMAN_DATA", ROOT.parent / "shared" / "data"))
KEY: Final = mint(hashlib.sha256(b"stage").digest())
PORT: Final = 18_872
_UP: Final = "from pointsman.cli.main import main; main()"
# The same program with nothing to look for.
_UP_BLIND: Final = f"""
import pointsman.app.governing as governing
made = governing.Governing.__init__
def blind(self, key_of):
    made(self, key_of)
    self._shipped = ()
governing.Governing.__init__ = blind
{_UP}
"""


def texts(size: int, *, seed: int, is_personal: bool) -> Iterator[str]:
    """Yield texts of a size, each new."""
    source = "personal_data/synth_v2.jsonl" if is_personal else "injection/benign_prompts/data.jsonl"
    with (DATA / source).open(encoding="utf-8") as file:
        pieces = [str(json.loads(line)["text"]) for line in file]
    chance = random.Random(seed)
    while True:
        told = ""
        while len(told) < size:
            told += chance.choice(pieces) + "\n"
        yield f"{chance.randrange(10**6)} {told}"[:size]


def settings_in(folder: Path) -> dict[str, Any]:
    price = {"input_usd_per_million": 1, "output_usd_per_million": 2}
    return {
        "vendors": {"mock": {"kind": "openai_compatible", "base_url": f"http://127.0.0.1:{MOCK_PORT}/v1", "region": "eu"}},
        "targets": {"out": {"vendor": "mock", "model": "m", "price": price}, "near": {"vendor": "mock", "model": "m", "price": price, "place": "private"}},
        "capabilities": {"chat": {"ladder": ["out", "near"]}},
        "keys": {"bench": {"sha256": KEY.sha256}},
        "server": {"listen": f"127.0.0.1:{PORT}", "admin": f"127.0.0.1:{PORT + 1}"},
        "audit": {"copies": [f"file:{folder / 'outside'}"]},
    }


class Stage:
    """The gateway's own judge, without a gateway."""

    def __init__(self, folder: Path) -> None:
        path = folder / "pointsman.yaml"
        path.write_text(yaml.safe_dump(settings_in(folder)), encoding="utf-8")
        self.settings = load(path, known())
        governing = Governing(lambda tenant: hashlib.sha256(tenant.encode()).digest())
        self.judge: Judge = governing.judge(self.settings)
        self.detectors = governing._shipped  # noqa: SLF001 - the very ones that run
        self.capability = self.settings.snapshot.capabilities["chat"]
        self.principal = Principal(key=self.settings.snapshot.keys[0])
        self.target = self.settings.snapshot.targets["out"]

    def call(self, text: str) -> Call:
        """Read a call."""
        return OPENAI.decode(json.dumps({"model": "chat", "messages": [{"role": "user", "content": text}]}).encode(), "01890000-0000-7000-8000-000000000001")

    async def judged(self, call: Call) -> Judged:
        """Look through it, label and judge it."""
        return await self.judge.judge(
            call, self.principal.key.label, principal=self.principal, capability=self.capability, pause=asyncio.sleep, now_s=1_800_000_000.0
        )


def spread(times: list[list[float]]) -> str:
    def at(share: float) -> float:
        return statistics.median(sorted(one)[min(int(len(one) * share), len(one) - 1)] for one in times) * 1000

    return f"p50 {at(0.5):7.3f} ms   p99 {at(0.99):7.3f} ms"


async def in_process(stage: Stage, *, rounds: int, each: int) -> None:
    for size in (2048, 4096):
        for name, is_personal in (("benign prompts", False), ("personal data", True)):
            source = texts(size, seed=size + is_personal, is_personal=is_personal)
            whole: list[list[float]] = []
            filtering: list[list[float]] = []
            for _ in range(rounds + 1):
                whole.append([])
                filtering.append([])
                for text in (next(source) for _ in range(each)):
                    call = stage.call(text)
                    began = time.perf_counter()
                    judged = await stage.judged(call)
                    middle = time.perf_counter()
                    if judged.verdict.permits(stage.target):
                        _, restorer = judged.ready(stage.target)
                        ended = time.perf_counter()
                        if restorer is not None:
                            said = " ".join(("I wrote to", *restorer.originals, "as you asked."))
                            restorer.reply(Reply(reply_id="1", model="m", finish=Finish.DONE, parts=(Text(said),)))
                            filtering[-1].append(time.perf_counter() - middle)
                        whole[-1].append(ended - began)
                    else:
                        whole[-1].append(middle - began)
            shown = spread([one for one in filtering[1:] if one]) if any(filtering[1:]) else "-"
            print(f"{size:>5} characters, {name:<15} the stage {spread(whole[1:])}   filtering and restoring {shown}")


def parts(stage: Stage, count: int) -> None:
    """Print what each detector takes of a text as given; the rest of the stage is other forms of the text, overlaps and judgement."""
    source = texts(2048, seed=9, is_personal=False)
    told = [next(source) for _ in range(count)]
    print("\nof 2,048 characters of benign prompts, p50 and mean (the text as given, nothing remembered):")
    for detector in stage.detectors:
        times: list[float] = []
        for text in told:
            began = time.perf_counter()
            for _ in detector.find(text):
                pass
            times.append((time.perf_counter() - began) * 1000)
        print(f"   {detector.name:<14} {statistics.median(times):7.3f} ms   {statistics.mean(times):7.3f} ms")
    scanner = Scanner((), clock=time.perf_counter, key=b"k" * 32, cache_texts=0)
    times = []
    for text in told:
        began = time.perf_counter()
        scanner.scan([text])
        times.append((time.perf_counter() - began) * 1000)
    print(f"   {'other forms':<14} {statistics.median(times):7.3f} ms   {statistics.mean(times):7.3f} ms\n")


# ── over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────


def a_gateway(name: str, folder: Path, program: str) -> Contender:
    folder.mkdir()
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump(settings_in(folder)), encoding="utf-8")
    return Contender(
        name=name, port=PORT, command=[sys.executable, "-c", program, "up", "--config", str(path), "--log-level", "error"], cores=str(GATEWAY_CORE)
    )


def asked(bodies: list[bytes]) -> float:
    """Ask all of it over a few connections; return answers a second."""
    waiting, lock, begun = iter(bodies), threading.Lock(), time.perf_counter()
    failed: list[int] = []

    def work() -> None:
        client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            client.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", "authorization": f"Bearer {KEY.secret}"})
            answer = client.getresponse()
            answer.read()
            if answer.status not in (200, 403):
                failed.append(answer.status)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"{len(failed)} requests failed: {failed[:3]}")
    return len(bodies) / (time.perf_counter() - begun)


def over_http(folder: Path, *, rounds: int, each: int) -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    vendor = mock(build("mock.c", folder))
    vendor.start()
    try:
        for size in (760, 2048, 4096):
            source = texts(size, seed=size, is_personal=False)
            cost: dict[str, list[float]] = {"with": [], "without": []}
            speed: dict[str, list[float]] = {"with": [], "without": []}
            for number in range(rounds):
                bodies = [json.dumps({"model": "chat", "messages": [{"role": "user", "content": next(source)}]}).encode() for _ in range(each)]
                for name, program in (("with", _UP), ("without", _UP_BLIND)) if number % 2 else (("without", _UP_BLIND), ("with", _UP)):
                    gateway = a_gateway(name, folder / f"{name}-{size}-{number}", program)
                    gateway.start()
                    try:
                        time.sleep(1)
                        asked(bodies[: each // 10])
                        before = gateway.cpu_s()
                        speed[name].append(asked(bodies[each // 10 :]))
                        cost[name].append((gateway.cpu_s() - before) / (each - each // 10) * 1000)
                    finally:
                        gateway.stop()
            ratio = statistics.median(without / told for told, without in zip(cost["with"], cost["without"], strict=True))
            each_ms = " and ".join(f"{statistics.median(cost[name]):.3f} ms {name}" for name in cost)
            a_second = " and ".join(f"{statistics.median(speed[name]):,.0f} {name}" for name in speed)
            print(f"{size:>5} characters over HTTP: CPU a request {each_ms} → {ratio:.0%} of the throughput (asked by a slow generator: {a_second} a second)")
    finally:
        vendor.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    steps: list[Callable[[], None]] = []
    with tempfile.TemporaryDirectory(prefix="stage-", ignore_cleanup_errors=True) as name:
        stage = Stage(Path(name))
        steps.append(lambda: asyncio.run(in_process(stage, rounds=3 if quick else 7, each=100 if quick else 300)))
        steps.append(lambda: parts(stage, 100 if quick else 300))
        steps.append(lambda: over_http(Path(name), rounds=2 if quick else 4, each=600 if quick else 2000))
        for step in steps:
            step()


if __name__ == "__main__":
    main()
