"""
The kinds of site where work can run, and the words that describe what a target can do.

Vocabulary only: which target is allowed belongs to `governance`, which one is chosen to `decision`.
"""

from enum import StrEnum


class Place(StrEnum):
    """A kind of site where a call can be answered."""

    RULES = "rules"
    CACHE = "cache"
    EDGE = "edge"
    PRIVATE = "private"
    CLOUD = "cloud"
    PEOPLE = "people"


class Dialect(StrEnum):
    """A wire protocol that a client or a vendor speaks."""

    OPENAI_CHAT = "openai_chat"
    ANTHROPIC_MESSAGES = "anthropic_messages"


class Feature(StrEnum):
    """Something a call may need and a target may offer."""

    TOOLS = "tools"
    PARALLEL_TOOLS = "parallel_tools"
    SCHEMA = "schema"
    IMAGES = "images"
    THINKING = "thinking"
    STREAM = "stream"
