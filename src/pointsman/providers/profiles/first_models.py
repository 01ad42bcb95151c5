"""
The model that a new configuration begins with, by kind of vendor: small, current, able to chat, and in the price catalogue.

A starting point for `pointsman init` and nothing else: no request is ever sent to a model that the owner's file does not name.
"""

from types import MappingProxyType
from typing import Final

FIRST_MODELS: Final = MappingProxyType(
    {
        "openai": "gpt-6-luna",
        "anthropic": "claude-haiku-5-5",
        "mistral": "mistral-small-latest",
        "groq": "openai/gpt-oss-120b",
        "deepseek": "deepseek-flash",
        "openrouter": "openai/gpt-6-luna",
    }
)

# What the owner of a first configuration should know of its model; it stands there as a comment.
FIRST_REMARKS: Final = MappingProxyType({"openai": "takes tools in chat completions only with `reasoning_effort: none`"})
