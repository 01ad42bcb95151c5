"""
The wire formats by dialect. A new format is one module and one line here.
"""

from types import MappingProxyType
from typing import Final

from pointsman.providers import anthropic_messages, openai_chat

BY_DIALECT: Final = MappingProxyType({wire.dialect: wire for wire in (openai_chat.WIRE, anthropic_messages.WIRE)})
