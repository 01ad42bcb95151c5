"""
What is measured, as processes: the mock vendor, nginx, Pointsman, and other gateways where they are installed.

Here they are started on a core, stopped, and asked for CPU and memory; no load is made here.
"""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.intake.keys import mint

GATEWAY_CORE = 0
LOAD_CORE = 1
MOCK_PORT = 19900
NGINX_PORT = 19901
POINTSMAN_PORT = 19902
ADMIN_PORT = 19903
OTHER_PORT = 19904

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20

# A key of the benchmark: 32 fixed bytes, so that runs are alike.
KEY = mint(hashlib.sha256(b"bench").digest())


@dataclass(kw_only=True)
class Contender:
    """One process under load. `cores` pins it; None lets it run anywhere."""

    name: str
    port: int
    command: list[str]
    cores: str | None = str(GATEWAY_CORE)
    environ: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, *, within_s: float = 60.0) -> float:
        """Start it; return the seconds until it accepts connections."""
        pinned = self.command if self.cores is None else ["taskset", "-c", self.cores, *self.command]
        began = time.monotonic()
        self.process = subprocess.Popen(
            pinned, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **self.environ}, start_new_session=True
        )
        while time.monotonic() < began + within_s:
            with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)) as probe:
                probe.connect()
                return time.monotonic() - began
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode} while it was starting: {' '.join(self.command)}")
            time.sleep(0.002)
        self.stop()
        raise SystemExit(f"{self.name} did not listen within {within_s} s.")

    def stop(self) -> None:
        """End it and its children."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def cpu_s(self) -> float:
        """Return the CPU seconds that it and its children have used."""
        return sum(_stat(pid) for pid in self._family())

    def rss_mib(self) -> float:
        """Return its resident memory, children included."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MIB for pid in self._family())

    def _family(self) -> list[int]:
        assert self.process is not None
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found


def _stat(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def build(source: str, folder: Path) -> Path:
    """Compile one of the C programs beside this file."""
    program = folder / source.removesuffix(".c")
    subprocess.run(["cc", "-O2", "-Wall", "-o", program, Path(__file__).parent / source], check=True)
    return program


def mock(program: Path, *, delay_ms: float = 0, chunks: int = 20, gap_ms: float = 20, spins: int = 0) -> Contender:
    """Return a mock vendor. `spins` keeps its core awake between requests, see `mock.c`."""
    timing = [str(round(delay_ms * 1000)), str(chunks), str(round(gap_ms * 1000)), str(spins)]
    return Contender(name="mock", port=MOCK_PORT, command=[str(program), str(MOCK_PORT), *timing], cores=str(LOAD_CORE))


def nginx(folder: Path) -> Contender:
    """Return nginx as a plain proxy: one process, keep-alive on both sides, nothing logged, events forwarded at once."""
    home = folder / "nginx"
    home.mkdir(exist_ok=True)
    (home / "nginx.conf").write_text(
        f"""
daemon off; master_process off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/error.log crit;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
    upstream vendor {{ server 127.0.0.1:{MOCK_PORT}; keepalive 2048; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{NGINX_PORT} backlog=4096;
        location / {{ proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
    }}
}}
"""
    )
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("nginx is not installed, and without it no figure means anything. Run `apt-get install nginx`.")
    return Contender(name="nginx", port=NGINX_PORT, command=[program, "-p", str(home), "-e", f"{home}/error.log", "-c", str(home / "nginx.conf")])


def pointsman(folder: Path, *, workers: int = 1, cores: str | None = str(GATEWAY_CORE)) -> Contender:
    """Return Pointsman with everything on: a key, limits in requests, tokens and money, a ladder of two, a table of CEL rules, the ledger."""
    home = folder / f"pointsman-{workers}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "rules.yaml").write_text(json.dumps({"rows": _RULES}))
    (home / "pointsman.yaml").write_text(json.dumps(_settings(workers)))
    command = [str(Path(sys.executable).parent / "pointsman"), "up", "--config", str(home / "pointsman.yaml")]
    return Contender(name="pointsman", port=POINTSMAN_PORT, command=command, cores=cores)


def litellm(program: Path, folder: Path) -> Contender:
    """Return LiteLLM's proxy with one model and one key."""
    config = folder / "litellm.yaml"
    model = {"model": "openai/big-model-a", "api_base": f"http://127.0.0.1:{MOCK_PORT}/v1", "api_key": "none"}
    config.write_text(json.dumps({"model_list": [{"model_name": "chat", "litellm_params": model}], "general_settings": {"master_key": KEY.secret}}))
    command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(OTHER_PORT), "--num_workers", "1"]
    return Contender(name="litellm", port=OTHER_PORT, command=command, environ={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"})


def portkey(script: Path) -> Contender:
    """Return Portkey's gateway; where it sends a request is told with each request."""
    node = shutil.which("node") or "node"
    return Contender(
        name="portkey", port=OTHER_PORT, command=[node, str(script), f"--port={OTHER_PORT}", "--headless"], environ={"TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}
    )


_RULES = [
    {"name": "opening hours", "when": 'text.contains("opening hours")', "then": "answer", "answer": "We are open from 9 to 5."},
    {"name": "no card numbers", "when": 'text.contains("card number") && text.contains("4111")', "then": "veto", "message": "Send no card numbers."},
    {"name": "small talk", "when": 'turns == 1 && text.size() < 12 && team == "support"', "then": "answer", "answer": "Hello! How can we help?"},
    {"name": "no tools for guests", "when": 'application == "guest" && tools.size() > 0', "then": "veto", "message": "Guests use no tools."},
]


def _settings(workers: int) -> dict[str, object]:
    price = {"input_usd_per_million": 1.0, "output_usd_per_million": 4.0}
    return {
        "vendors": {"mock": {"kind": "openai_compatible", "base_url": f"http://127.0.0.1:{MOCK_PORT}/v1"}},
        "targets": {name: {"vendor": "mock", "model": f"big-model-{name}", "place": "cloud", "price": price, "context_tokens": 128_000} for name in ("a", "b")},
        "capabilities": {"chat": {"ladder": ["a", "b"], "rules": "rules.yaml"}, "cached": {"ladder": ["a", "b"], "cache": True}},
        "keys": {"bench": {"sha256": KEY.sha256, "tenant": "acme", "team": "support", "application": "desk"}},
        "limits": [
            {"name": "per-key", "by": "key", "requests_per_minute": 10**9, "tokens_per_minute": 10**12},
            {"name": "money", "by": "team", "budget_usd": 10**8},
        ],
        "server": {"listen": f"127.0.0.1:{POINTSMAN_PORT}", "admin": f"127.0.0.1:{ADMIN_PORT}", "workers": workers},
    }
