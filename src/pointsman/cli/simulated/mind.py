"""
What a simulated model says: the same words for the same seed, model and prompt.

It calls a tool when the prompt names one, fills a schema when one is given, answers support tickets as well as its skill allows, and
otherwise repeats what it was told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from pointsman.cli.simulated.asked import Asked, ToolSpec
from pointsman.cli.simulated.behaviour import Behaviour, Model
from pointsman.cli.simulated.pieces import count, pieces
from pointsman.cli.simulated.schema import fill
from pointsman.cli.simulated.support import INTENTS, Intent, difficulty, intents_in

_THOUGHT: Final = "The customer wants something definite. I check what is known, weigh the ways to help, and take the simplest one."
REFUSAL: Final = "I'm sorry, but I can't help with that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A call of a tool; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer before it is written in a protocol. `finish` is `stop`, `length`, `tools`, `stop_sequence`, `refused` or `unfinished`."""

    text: str = ""
    uses: tuple[Use, ...] = ()
    thinking: str = ""
    finish: str = "stop"
    stop_sequence: str | None = None

    @property
    def tokens_out(self) -> int:
        """The tokens of the answer, thinking included."""
        return count(self.text) + self.tokens_thought + sum(count(use.arguments) + count(use.name) for use in self.uses)

    @property
    def tokens_thought(self) -> int:
        """The tokens of the thinking."""
        return count(self.thinking)


def answer(asked: Asked, model: Model, *, behaviour: Behaviour) -> Said:
    """Return what the model says."""
    said = _bounded(_meant(asked, model, behaviour=behaviour), asked)
    return replace(said, thinking=_THOUGHT) if asked.thinks else said


def refused() -> Said:
    """Return an answer that declines."""
    return Said(text=REFUSAL, finish="refused")


def _meant(asked: Asked, model: Model, *, behaviour: Behaviour) -> Said:
    if asked.results:
        return Said(text=f"The tools answered: {'; '.join(asked.results)}")
    uses = _uses(asked)
    if uses:
        return Said(uses=uses, finish="tools")
    triage = _triage(asked.prompt, model, behaviour=behaviour)
    if asked.schema is not None:
        return Said(text=msgspec.json.encode(fill(asked.schema, triage.get("reply", asked.prompt[:200]), known=triage)).decode())
    return Said(text=triage.get("reply") or f"You said: {asked.prompt}")


def _uses(asked: Asked) -> tuple[Use, ...]:
    if not asked.tools or asked.tool_mode == "none":
        return ()
    if asked.tool_mode not in {"auto", "any"}:
        wanted = [tool for tool in asked.tools if tool.name == asked.tool_mode]
    else:
        wanted = [tool for tool in asked.tools for _ in range(asked.prompt.count(tool.name))]
    if not wanted and asked.tool_mode == "any":
        wanted = [asked.tools[0]]
    return tuple(_use(tool, asked.prompt, index=index) for index, tool in enumerate(wanted if asked.parallel else wanted[:1]))


def _use(tool: ToolSpec, prompt: str, *, index: int) -> Use:
    words = prompt[:60] if index == 0 else f"{prompt[:60]} ({index + 1})"
    return Use(name=tool.name, arguments=msgspec.json.encode(fill({"type": "object", **tool.parameters}, words)).decode())


def _triage(prompt: str, model: Model, *, behaviour: Behaviour) -> Mapping[str, Any]:
    found = intents_in(prompt)
    if not found:
        return {}
    about = (model.name, prompt)
    skill = model.skill[difficulty(prompt)]
    is_right = behaviour.chance("right", *about) < skill
    # A model is unsure of most of what it gets wrong, and now and then of what it gets right.
    is_sure = behaviour.chance("sure", *about) >= (model.candour * (1 - skill) * 0.5 if is_right else model.candour)
    spread = behaviour.chance("spread", *about)
    intent = found[-1] if is_right else _mistaken(found[-1], behaviour.chance("other", *about))
    confidence = round(0.8 + 0.19 * spread if is_sure else 0.3 + 0.3 * spread, 2)
    return {"intent": intent.name, "reply": intent.reply, "confidence": confidence}


def _mistaken(right: Intent, chance: float) -> Intent:
    others = [intent for intent in INTENTS if intent.name != right.name]
    return others[int(chance * len(others))]


def _bounded(said: Said, asked: Asked) -> Said:
    cuts = [(said.text.index(stop), stop) for stop in asked.stop if stop and stop in said.text]
    if cuts and not said.uses:
        at, stop = min(cuts)
        said = replace(said, text=said.text[:at], finish="stop_sequence", stop_sequence=stop)
    parts = pieces(said.text)
    if asked.max_tokens is not None and len(parts) > asked.max_tokens:
        return replace(said, text="".join(parts[: asked.max_tokens]), finish="length", stop_sequence=None)
    return said
