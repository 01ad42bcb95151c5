"""
What an application asks for, in words that belong to no vendor.

A `Call` is made by `surfaces` from bytes and never changed. `wire` keeps the body as the caller wrote it, so that a target
that speaks the caller's dialect receives every field, known to us or not.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from pointsman.core.label import Label
from pointsman.core.place import Dialect, Feature


class Role(StrEnum):
    """Who speaks in a turn. System text is kept apart, in `Call.system`; tool results are parts of a user turn."""

    USER = "user"
    ASSISTANT = "assistant"


class Text(Struct, frozen=True):
    """Plain text."""

    text: str


class Image(Struct, frozen=True, kw_only=True):
    """A picture: either base64 `data` with its `media_type`, or a `url` that only the target may fetch."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None


class ToolUse(Struct, frozen=True, kw_only=True):
    """The model asked for a tool. `arguments` is JSON text, exactly as the model wrote it."""

    use_id: str
    name: str
    arguments: str


class ToolResult(Struct, frozen=True, kw_only=True):
    """What a tool answered to the use with this id. `parts` holds text and images."""

    use_id: str
    parts: "tuple[Text | Image, ...]"
    is_error: bool = False


class Thinking(Struct, frozen=True, kw_only=True):
    """Reasoning shown by the model; the signature proves to its vendor that it is unchanged."""

    text: str
    signature: str | None = None


class HiddenThinking(Struct, frozen=True, kw_only=True):
    """Reasoning that the vendor encrypted; opaque, to be sent back unchanged."""

    data: str


class Refusal(Struct, frozen=True, kw_only=True):
    """The model declined, in words that the dialect keeps apart from its answer."""

    text: str


class Foreign(Struct, frozen=True):
    """Something in an answer that only its vendor's dialect has a word for: forwarded as it came, never translated, never dropped unseen."""

    kind: str


Part = Text | Image | ToolUse | ToolResult | Thinking | HiddenThinking | Refusal | Foreign


class Turn(Struct, frozen=True):
    """One message of the conversation."""

    role: Role
    parts: tuple[Part, ...]


class Tool(Struct, frozen=True, kw_only=True):
    """A function the model may ask for. `parameters` is a JSON Schema object."""

    name: str
    description: str | None
    parameters: Mapping[str, object]
    strict: bool | None = None


class ToolMode(StrEnum):
    """How free the model is to use tools."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


class ToolChoice(Struct, frozen=True, kw_only=True):
    """Which tools the model may or must use. `name` is set for `NAMED` only; `parallel` None leaves it to the vendor."""

    mode: ToolMode = ToolMode.AUTO
    name: str | None = None
    parallel: bool | None = None


class OutputSchema(Struct, frozen=True, kw_only=True):
    """The shape that the answer must have: a JSON Schema, or any JSON object when `schema` is None."""

    name: str
    schema: Mapping[str, object] | None
    strict: bool | None = None


class Sampling(Struct, frozen=True, kw_only=True):
    """How the answer is drawn. None leaves a setting to the target."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    thinking_tokens: int | None = None
    effort: str | None = None


class Call(Struct, frozen=True, kw_only=True):
    """
    One request of an application for a capability.

    `extras` names the fields that only the caller's dialect can express (name → value), so that a target of another dialect can
    refuse them by name; `headers` are those among them that were sent beside the body. `answers` is how many are asked for, `needs` what
    a target must offer. `size_chars` is the length of all text, for estimates. `cache_salt` keeps what a target remembers of it from other tenants. `sureness`
    asks for log-probabilities that the caller did not ask for.
    """

    call_id: str
    dialect: Dialect
    capability: str
    turns: tuple[Turn, ...]
    wire: Mapping[str, object]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    sampling: Sampling = Sampling()
    schema: OutputSchema | None = None
    extras: Mapping[str, object]
    headers: tuple[tuple[str, str], ...] = ()
    needs: frozenset[Feature] = frozenset()
    answers: int = 1
    stream: bool = False
    wants_usage: bool = False
    user: str | None = None
    size_chars: int = 0
    cache_salt: str | None = None
    sureness: bool = False


class Asked(Struct, frozen=True, kw_only=True):
    """What came with a call besides its body: credentials, the business unit, and what the caller declares about data, allocation and criteria."""

    authorization: str | None = None
    api_key: str | None = None
    unit: str | None = None
    user: str | None = None
    declared: Label | None = None
    session: str | None = None
    tags: Mapping[str, str] = {}
    traceparent: str | None = None
    criteria: Mapping[str, float] = {}
