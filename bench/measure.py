"""
How it is measured: requests as bytes, one round of load, and what a round cost the process under load.
"""

import http.client
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contenders import KEY, LOAD_CORE, MOCK_PORT, Contender

_TEXT = ("Please sort this ticket into one of billing, technical or other, and answer politely. " * 12)[:760]
_LONGEST_S = 150


def body(model: str, *, stream: bool) -> dict[str, object]:
    """Return a chat request of about 1 kB."""
    messages = [{"role": "system", "content": "You are a support assistant."}, {"role": "user", "content": _TEXT}]
    asked: dict[str, object] = {"model": model, "messages": messages, "max_tokens": 200, "temperature": 0.2}
    return {**asked, "stream": True} if stream else asked


def headers(name: str) -> dict[str, str]:
    """Return what a usual SDK sends, and what the contender needs to be told."""
    told = {"accept": "application/json", "accept-encoding": "gzip, deflate", "user-agent": "bench", "content-type": "application/json"}
    told["authorization"] = f"Bearer {KEY.secret}"
    if name == "portkey":
        told |= {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{MOCK_PORT}/v1"}
    return told


@dataclass(kw_only=True)
class Round:
    """One round: what the generator printed, and the CPU that the contender used meanwhile."""

    told: dict[str, Any]
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return float(self.told["per_s"])

    @property
    def cpu_us(self) -> float:
        """CPU microseconds for each request."""
        return self.cpu_s / max(self.told["begun"], 1) * 1e6

    @property
    def cpu_ms_per_1000_chunks(self) -> float:
        """CPU milliseconds for each thousand events of streams."""
        return self.cpu_s / max(self.told["first"]["count"] + self.told["forward"]["count"], 1) * 1e6


@dataclass(kw_only=True)
class Bench:
    """The folder of a run, its generator, and its rounds by contender. `is_quick` asks for shorter ones."""

    folder: Path
    load: Path
    mock: Path
    is_quick: bool
    thrown_away: list[str] = field(default_factory=list[str])

    def round(self, mode: str, at: Contender | int, numbers: tuple[float, float], *, model: str = "chat") -> Round:
        """Load a contender, or the mock's own port, once."""
        port, name = (at, "direct") if isinstance(at, int) else (at.port, at.name)
        request = self.folder / f"request-{name}-{model}-{mode}"
        request.write_bytes(_request(port, name, body(model, stream=mode in ("stream", "abort"))))
        before = 0.0 if isinstance(at, int) else at.cpu_s()
        command = ["taskset", "-c", str(LOAD_CORE), self.load, mode, str(port), request, *(f"{number:g}" for number in numbers)]
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_S, check=True)
        told = json.loads(done.stdout)
        if told["errors"] > told["begun"] * 0.01:
            raise SystemExit(f"{name}: {told['errors']} of {told['begun']} requests failed. The first answer was:\n{done.stderr.decode()[:400]}")
        return Round(told=told, cpu_s=0.0 if isinstance(at, int) else at.cpu_s() - before)

    def rounds(self, count: int, each: Mapping[str, Callable[[], Round]]) -> dict[str, list[Round]]:
        """Take turns: A B A B. If nginx moved by more than a fifth, all is thrown away and done once more."""
        for _ in range(2):
            found: dict[str, list[Round]] = {name: [] for name in each}
            for _ in range(count):
                for name, one in each.items():
                    found[name].append(one())
            speeds = [one.per_s for one in found.get("nginx", [])]
            if not speeds or max(speeds) <= 1.2 * min(speeds):
                return found
            self.thrown_away.append(f"nginx moved from {min(speeds):.0f}/s to {max(speeds):.0f}/s")
        return found


def median(rounds: list[Round], of: Callable[[Round], float]) -> float:
    """Return the median of a figure over rounds."""
    return statistics.median(of(one) for one in rounds)


def first_answer(at: Contender, *, within_s: float = 60.0) -> float:
    """Start a contender; return the seconds until it has answered a call."""
    began = time.monotonic()
    at.start(within_s=within_s)
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps(body("chat", stream=False)), headers(at.name))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise SystemExit(f"{at.name} answered {answer.status} to the first call.")
    return time.monotonic() - began


def _request(port: int, name: str, asked: Mapping[str, object]) -> bytes:
    data = json.dumps(asked).encode()
    lines = {"host": f"127.0.0.1:{port}", **headers(name), "content-length": str(len(data))}
    return b"POST /v1/chat/completions HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in lines.items()).encode() + b"\r\n" + data
