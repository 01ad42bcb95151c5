"""
Is it good enough: a reply against the capability's contract.

This first form checks the output schema. A capability without one trusts every whole answer, and then nobody needs to look inside.
What is no final answer is not held against the schema: a request for tools, a pause, and a refusal, which is never routed around.
"""

from typing import Any, Final, cast

import jsonschema_rs
import msgspec

from pointsman.assess.signals import text_of
from pointsman.core.attempt import Grade
from pointsman.core.call import Call, OutputSchema, Refusal
from pointsman.core.capability import Capability
from pointsman.core.errors import BadRequest, Unusable
from pointsman.core.reply import Finish, Reply
from pointsman.core.snapshot import Snapshot

GOOD: Final = Grade(passed=True)
_NOT_FINAL: Final = frozenset({Finish.TOOLS, Finish.PAUSED, Finish.REFUSED})


class Checks:
    """The checks of one snapshot, with their schemas compiled. Raises `Unusable` for a schema that cannot be used as it stands."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._validators = {name: _compiled(each.output, name) for name, each in snapshot.capabilities.items() if each.output is not None}

    def must_see_whole(self, call: Call, capability: Capability, *, is_judged: bool) -> bool:
        """
        Tell whether the whole answer must be seen before it may be sent: it is checked here, or `is_judged` by rules.

        Raises `BadRequest` for several answers where only one would be looked at.
        """
        held = is_judged or (capability.output is not None and not capability.raw)
        if held and call.answers > 1:
            raise BadRequest(f"The answers of `{capability.name}` are judged, one for each call. Ask for one at a time.", field="n")
        return held

    def grade(self, reply: Reply, capability: Capability) -> Grade:
        """Return whether the reply is good enough, and if not, why."""
        if capability.output is None or capability.raw:
            return GOOD
        if reply.finish in _NOT_FINAL or any(isinstance(part, Refusal) for part in reply.parts):
            return GOOD
        if reply.finish is Finish.LENGTH:
            return Grade(passed=False, code="truncated", says="the answer was cut off by its token limit")
        try:
            told = msgspec.json.decode(text_of(reply))
        except (msgspec.DecodeError, RecursionError):
            return Grade(passed=False, code="not_json", says="the answer is not JSON")
        fault = next(iter(self._validators[capability.name].iter_errors(told)), None)
        if fault is not None:
            return Grade(passed=False, code="schema", says=f"the answer does not fit `output_schema`: {fault.message[:200]}")
        return GOOD


def _compiled(output: OutputSchema, capability: str) -> Any:
    schema = cast("dict[str, Any]", output.schema or {"type": "object"})
    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse)
    except ValueError as error:
        raise Unusable(f"The `output_schema` of `{capability}` cannot be used: {str(error).splitlines()[0]}. Correct it.") from error


def _refuse(uri: str) -> Any:
    """Judgement reads no file and asks no server, whatever a schema refers to."""
    raise LookupError(f"`{uri}` is outside the schema; put it under `$defs`")
