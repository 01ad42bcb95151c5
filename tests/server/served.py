"""
The whole of one worker in this process: both listeners, its watches and its signals.
"""

import asyncio
import gc
import os
import signal
import tempfile
from pathlib import Path
from typing import Any, Self

import yaml
from tests.server.house import Caller, Got
from tests.transport.vendor import Vendor

from pointsman.app.facts import Prices, facts
from pointsman.app.gateway import Gateway, system_clock
from pointsman.server.serve import Listeners, bind, serve
from pointsman.settings.load import Reloader, load


class Served:
    """A worker. `told` is merged into its configuration file."""

    def __init__(self, vendor: Vendor | None = None, **told: Any) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.path = Path(self.folder.name) / "pointsman.yaml"
        self.file: dict[str, Any] = {
            "vendors": {"acme": {"kind": "openai_compatible", "base_url": vendor.url if vendor is not None else "http://127.0.0.1:1/v1", "region": "here"}},
            "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
            "capabilities": {"support": {"ladder": ["acme/small"], "retries": {"per_target": 0}}},
            **told,
        }
        self.write()

    def write(self) -> None:
        self.path.write_text(yaml.safe_dump(self.file))

    async def __aenter__(self) -> Self:
        known = facts(Prices(system_clock().wall_ms))
        settings = load(self.path, known)
        self.gateway = Gateway(settings, environ={}, clock=system_clock())
        public, admin = bind("127.0.0.1:0", shared=False), bind("127.0.0.1:0", shared=False)
        self.port, self.admin_port = public.getsockname()[1], admin.getsockname()[1]
        ready = asyncio.Event()
        work = serve(
            self.gateway, settings, reloader=Reloader(self.path, known, current=settings), listeners=Listeners(public=public, admin=admin), ready=ready.set
        )
        self.work = asyncio.create_task(work)
        self.callers: list[Caller] = []
        await asyncio.wait({asyncio.ensure_future(ready.wait()), self.work}, return_when=asyncio.FIRST_COMPLETED)
        if self.work.done():
            await self.work
        return self

    async def __aexit__(self, *args: object) -> None:
        for caller in self.callers:
            caller.leave()
        if not self.work.done():
            self.signal(signal.SIGTERM)
        await self.work
        gc.unfreeze()
        self.gateway.close()
        self.folder.cleanup()

    def signal(self, number: signal.Signals) -> None:
        os.kill(os.getpid(), number)

    async def caller(self, *, admin: bool = False, **options: Any) -> Caller:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.admin_port if admin else self.port, **options))
        self.callers.append(caller)
        return caller

    async def ask(self, data: bytes, *, admin: bool = False) -> Got:
        caller = await self.caller(admin=admin)
        caller.send(data)
        return await caller.answer()
