"""
The client protocols, by path and by dialect. A new protocol is one module and one line here.
"""

from types import MappingProxyType
from typing import Final

from pointsman.surfaces import anthropic_messages, openai_chat

OPENAI: Final = openai_chat.SURFACE
BY_PATH: Final = MappingProxyType({"/v1/chat/completions": openai_chat.SURFACE, "/v1/messages": anthropic_messages.SURFACE})
BY_DIALECT: Final = MappingProxyType({surface.dialect: surface for surface in BY_PATH.values()})
