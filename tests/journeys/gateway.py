"""
The gateway as a user runs it: `pointsman up` in a folder of its own, with clients that are the vendors' own SDKs.
"""

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import httpx2
import yaml
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from tests.journeys.processes import PATIENCE_S, Process, eventually

from pointsman.cli.demonstration.processes import free_port

POINTSMAN: Final = (sys.executable, "-c", "from pointsman.cli.main import main; main()")
UPSTREAM_KEY: Final = "sk-upstream-of-the-tests"
_STARTS: Final = 5  # a port that was free may be taken a moment later

Settings = dict[str, Any]


class Gateway:
    """One configuration folder and the process that serves it."""

    def __init__(
        self, folder: Path, settings: Settings, *, environ: Mapping[str, str] | None = None, ca_file: Path | None = None, words: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.path = folder / "pointsman.yaml"
        self.scheme = "https" if "tls" in settings.get("server", {}) else "http"
        self._environ = {"UPSTREAM_KEY": UPSTREAM_KEY, "XDG_STATE_HOME": str(folder / ".state"), **(environ or {})}
        self._verify = ssl.create_default_context(cafile=ca_file) if ca_file is not None else False
        self._words = words
        self._process: Process | None = None
        self._clients: list[Any] = []
        self._starts = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self.stop()

    # ── the process ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start, and return once it is ready."""
        for _ in range(_STARTS):
            self.port, self.admin_port = free_port(), free_port()
            addresses = {"listen": f"127.0.0.1:{self.port}", "admin": f"127.0.0.1:{self.admin_port}"}
            self.settings = {**self.settings, "server": {**self.settings.get("server", {}), **addresses}}
            self.write(self.settings)
            self._starts += 1
            self._process = Process([*POINTSMAN, "up", "--json", *self._words], folder=self.folder, name=f"up-{self._starts}", environ=self._environ)
            eventually(self._is_settled, "the gateway's start")
            if "Cannot listen" not in self.process.said():
                self.process.must_run()
                return
        raise AssertionError(f"the gateway found no port:\n{self.process.said()}")

    def _is_settled(self) -> bool:
        return "ready" in self.process.out.read_text(encoding="utf-8") or self.process.exit_code is not None

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> None:
        """End the process as a power failure would."""
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def write(self, settings: Settings) -> None:
        """Write the configuration in one step, as an editor does."""
        draft = self.path.with_suffix(".draft")
        draft.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        draft.replace(self.path)

    def reload(self, settings: Settings) -> str:
        """Put another configuration into force and return the name of its snapshot."""
        before = self.snapshot()
        self.settings = {**settings, "server": self.settings["server"]}
        self.write(self.settings)
        self.process.signal(signal.SIGHUP)

        def changed() -> str:
            now = self.snapshot()
            return now if now != before else ""

        return eventually(changed, "the reload")

    def snapshot(self) -> str:
        return self.get("/readyz").json()["snapshot"]

    def cli(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of `pointsman` in the folder."""
        done = subprocess.run(
            [*POINTSMAN, *arguments], cwd=self.folder, env={**os.environ, **self._environ}, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    # ── clients ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def openai(self, key: str = "none", **options: Any) -> OpenAI:
        """Return the official client, which tries nothing again unless told so."""
        http = DefaultHttpxClient(verify=self._verify)
        return self._keep(OpenAI(base_url=f"{self.url}/v1", api_key=key, http_client=http, **{"max_retries": 0, "timeout": PATIENCE_S, **options}))

    def anthropic(self, key: str = "none", **options: Any) -> Anthropic:
        http = DefaultHttpxClient(verify=self._verify)
        return self._keep(Anthropic(base_url=self.url, api_key=key, http_client=http, **{"max_retries": 0, "timeout": PATIENCE_S, **options}))

    def async_openai(self, key: str = "none") -> AsyncOpenAI:
        http = DefaultAsyncHttpxClient(verify=self._verify)
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, http_client=http, max_retries=0, timeout=PATIENCE_S)

    def async_anthropic(self, key: str = "none") -> AsyncAnthropic:
        http = DefaultAsyncHttpxClient(verify=self._verify)
        return AsyncAnthropic(base_url=self.url, api_key=key, http_client=http, max_retries=0, timeout=PATIENCE_S)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=PATIENCE_S, verify=self._verify, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.post(self.url + path, timeout=PATIENCE_S, verify=self._verify, **options)

    def chat(
        self, capability: str, text: str = "Where is my parcel?", *, key: str | None = None, headers: Mapping[str, str] | None = None, **body: Any
    ) -> httpx2.Response:
        """Ask without an SDK, where a test looks at the HTTP itself."""
        shown = {} if key is None else {"authorization": f"Bearer {key}"}
        message = {"model": capability, "messages": [{"role": "user", "content": text}], **body}
        return self.post("/v1/chat/completions", json=message, headers={**shown, **(headers or {})})

    def _keep(self, client: Any) -> Any:
        self._clients.append(client)
        return client

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Read the ledger's file, as an auditor would."""
        reader = sqlite3.connect(f"file:{self.folder / 'pointsman.db'}?mode=ro", uri=True)
        reader.row_factory = sqlite3.Row
        try:
            return reader.execute(query, values).fetchall()
        finally:
            reader.close()

    def call(self, call_id: str) -> sqlite3.Row:
        """Return the record of a call, once it is written."""
        return eventually(lambda: self.rows("SELECT * FROM call WHERE call_id = ?", call_id), f"the record of {call_id}")[0]

    def attempts(self, call_id: str) -> list[sqlite3.Row]:
        """Return the attempts of a call that is on record, in order."""
        self.call(call_id)
        return self.rows("SELECT * FROM attempt WHERE call_id = ? ORDER BY seq", call_id)

    @contextmanager
    def recorded(self, capability: str, *, calls: int = 1) -> Generator[list[sqlite3.Row]]:
        """Give, at its end, the records of the calls of a capability that were made within this block, once they are all written."""
        since_ms = time.time_ns() // 1_000_000
        found: list[sqlite3.Row] = []
        yield found

        def look() -> list[sqlite3.Row]:
            rows = self.rows("SELECT * FROM call WHERE capability = ? AND started_ms >= ? ORDER BY call_id", capability, since_ms)
            return rows if len(rows) >= calls else []

        found.extend(eventually(look, f"{calls} record(s) of {capability}"))
        assert len(found) == calls


def said(chunks: httpx2.Response) -> list[dict[str, Any]]:
    """Return the data of the server-sent events of an answer."""
    return [json.loads(line[6:]) for line in chunks.text.splitlines() if line.startswith("data: {")]
