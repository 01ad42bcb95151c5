"""
What stands behind the gateway in the journeys, as settings: vendors, targets, and a capability for each.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from tests.journeys.gateway import Settings
from tests.journeys.processes import PATIENCE_S

_KEY: Final = "env:UPSTREAM_KEY"
PRICE: Final = {"input_usd_per_million": 1, "output_usd_per_million": 2, "id": "of-the-tests"}
TEXT_ONLY: Final = ["tools", "parallel_tools", "stream"]

# What the mock says, and the usage it tells with everything.
SAID: Final = "We have sent your parcel today."
TOKENS_IN, TOKENS_OUT = 40, 7
COST_NANO_USD: Final = 40 * 1000 + 7 * 2000


@dataclass(frozen=True, slots=True)
class Simulator:
    """The simulated vendor, as a test looks into it."""

    url: str

    def requests(self, model: str) -> list[dict[str, Any]]:
        """Return what it keeps about the requests for a model, newest last."""
        told = httpx2.get(f"{self.url}/simulated/requests", timeout=PATIENCE_S).json()["requests"]
        return [record for record in told if record["body"].get("model") == model]

    def times_asked(self, words: str) -> int:
        """Return how many of the requests that it keeps hold these words. It keeps the newest only, so how many there are in all tells nothing."""
        told = httpx2.get(f"{self.url}/simulated/requests", timeout=PATIENCE_S).json()["requests"]
        return sum(words in json.dumps(record["body"]) for record in told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstreams:
    """Where the upstreams listen."""

    aimock: str
    llamacpp: str
    simulated: str

    def vendors(self) -> dict[str, Any]:
        return {
            "mock-openai": {"kind": "openai_compatible", "base_url": f"{self.aimock}/v1", "credential": _KEY, "region": "here"},
            "mock-anthropic": {"kind": "anthropic_compatible", "base_url": self.aimock, "credential": _KEY, "region": "here"},
            "llama": {"kind": "llamacpp", "base_url": f"{self.llamacpp}/v1"},
            "llama-anthropic": {"kind": "anthropic_compatible", "base_url": self.llamacpp, "region": "here"},
            "sim-openai": {"kind": "simulated", "base_url": f"{self.simulated}/v1", "credential": _KEY},
            "sim-anthropic": {"kind": "simulated_anthropic", "base_url": self.simulated, "credential": _KEY},
        }


def mock(model: str, *, dialect: str = "openai", **more: Any) -> dict[str, Any]:
    """Return a target at the mock; its model's name chooses how it behaves."""
    return {"vendor": f"mock-{dialect}", "model": model, "price": PRICE, **more}


def simulated(model: str, *, dialect: str = "openai", **more: Any) -> dict[str, Any]:
    """Return a target at the simulated vendor; a fault may stand behind its model's name."""
    return {"vendor": f"sim-{dialect}", "model": model, "price": PRICE, **more}


def targets() -> dict[str, Any]:
    """Return one target for each upstream and dialect."""
    return {
        "mock-openai": mock("gpt-4.1-mini"),
        "mock-anthropic": mock("claude-sonnet-4-5", dialect="anthropic"),
        "sim-openai": simulated("sim-mid"),
        "sim-anthropic": simulated("sim-mid", dialect="anthropic"),
        "llama-openai": {"vendor": "llama", "model": "tiny", "price": PRICE, "features": [*TEXT_ONLY, "schema"]},
        "llama-anthropic": {"vendor": "llama-anthropic", "model": "tiny", "place": "private", "price": PRICE, "features": TEXT_ONLY},
    }


def settings(upstreams: Upstreams, **more: Any) -> Settings:
    """Return settings with all upstreams, a capability for each target, and more of each section."""
    every = {**targets(), **more.pop("targets", {})}
    capabilities = {name: {"ladder": [name], "retries": {"per_target": 0}} for name in every}
    return {
        "vendors": {**upstreams.vendors(), **more.pop("vendors", {})},
        "targets": every,
        "capabilities": {**capabilities, **more.pop("capabilities", {})},
        **more,
    }


def matrix_settings(upstreams: Upstreams) -> Settings:
    """Return the settings of the session's gateway."""
    return settings(upstreams)
