"""
What differs between vendors, as data. A new vendor that speaks a known format is one row here.

A profile is named by the `kind` of a vendor in the settings.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointsman.core.place import Dialect, Place
from pointsman.core.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """
    Facts about one kind of vendor.

    `dialect` is None for people, who speak none. `base_url` None means the settings must name it. `credential` is the usual reference. `catalogue` is
    the vendor's name in the price catalogue. `port` is where a local server of this kind usually listens, for discovery. `takes_reasoning_details`
    tells that signed and hidden thoughts may be sent back in that extension of OpenAI's messages. `reports_cost` tells that `usage.cost` is what it
    charged, in US dollars. `region` is where the vendor says that it processes what its usual address is sent, as far as it is one place.
    `takes_cache_salt` tells that what it remembers of prompts can be kept to calls with the same salt, `tells_sureness` that it takes a request for
    log-probabilities, or lets it pass.
    """

    dialect: Dialect | None
    place: Place
    base_url: str | None = None
    credential: str | None = None
    catalogue: str | None = None
    port: int | None = None
    max_tokens_field: str = "max_tokens"
    takes_reasoning_details: bool = False
    reports_cost: bool = False
    takes_cache_salt: bool = False
    tells_sureness: bool = False
    region: str | None = None


_OPENAI: Final = Dialect.OPENAI_CHAT
_ANTHROPIC: Final = Dialect.ANTHROPIC_MESSAGES
_CLOUD: Final = Place.CLOUD
_PRIVATE: Final = Place.PRIVATE

PROFILES: Final = MappingProxyType(
    {
        "openai": Profile(
            dialect=_OPENAI,
            place=_CLOUD,
            base_url="https://api.openai.com/v1",
            credential="env:OPENAI_API_KEY",
            catalogue="openai",
            region="us",
            max_tokens_field="max_completion_tokens",
            tells_sureness=True,
        ),
        "anthropic": Profile(
            dialect=_ANTHROPIC, place=_CLOUD, base_url="https://api.anthropic.com", credential="env:ANTHROPIC_API_KEY", catalogue="anthropic", region="us"
        ),
        "mistral": Profile(
            dialect=_OPENAI, place=_CLOUD, base_url="https://api.mistral.ai/v1", credential="env:MISTRAL_API_KEY", catalogue="mistral", region="eu"
        ),
        "groq": Profile(dialect=_OPENAI, place=_CLOUD, base_url="https://api.groq.com/openai/v1", credential="env:GROQ_API_KEY", catalogue="groq"),
        "deepseek": Profile(
            dialect=_OPENAI,
            place=_CLOUD,
            base_url="https://api.deepseek.com/v1",
            credential="env:DEEPSEEK_API_KEY",
            catalogue="deepseek",
            region="cn",
            tells_sureness=True,
        ),
        "openrouter": Profile(
            dialect=_OPENAI,
            place=_CLOUD,
            base_url="https://openrouter.ai/api/v1",
            credential="env:OPENROUTER_API_KEY",
            catalogue="openrouter",
            takes_reasoning_details=True,
            reports_cost=True,
            tells_sureness=True,
        ),
        "ollama": Profile(dialect=_OPENAI, place=_PRIVATE, base_url="http://127.0.0.1:11434/v1", port=11434, tells_sureness=True),
        "llamacpp": Profile(dialect=_OPENAI, place=_PRIVATE, base_url="http://127.0.0.1:8080/v1", port=8080, tells_sureness=True),
        "vllm": Profile(dialect=_OPENAI, place=_PRIVATE, base_url="http://127.0.0.1:8000/v1", port=8000, takes_cache_salt=True, tells_sureness=True),
        "people": Profile(dialect=None, place=Place.PEOPLE, base_url=""),
        "openai_compatible": Profile(dialect=_OPENAI, place=_CLOUD, tells_sureness=True),
        "anthropic_compatible": Profile(dialect=_ANTHROPIC, place=_CLOUD),
        "simulated": Profile(dialect=_OPENAI, place=_CLOUD, region="here", tells_sureness=True),
        "simulated_anthropic": Profile(dialect=_ANTHROPIC, place=_CLOUD, region="here"),
    }
)


def profile_of(target: Target) -> Profile:
    """Return the profile of the vendor that runs a target."""
    if target.vendor is None:
        raise LookupError(f"the target `{target.name}` has no vendor")
    return PROFILES[target.vendor.kind]
