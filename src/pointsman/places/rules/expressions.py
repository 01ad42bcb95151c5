"""
Expressions in CEL, compiled once (ADR 0005): the only file that knows the engine. Its face is typed; the engine's stubs are not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs, reportMissingModuleSource, reportUnknownVariableType, reportAttributeAccessIssue]
from msgspec import Struct

_cel: Any = cel

# What a rule can speak of. `answer`, `finish`, `target` and `place` are known after a model has answered only.
BEFORE: Final = ("text", "system", "turns", "capability", "tenant", "team", "application", "user", "data_class", "data_classes", "tools", "stream")
AFTER: Final = (*BEFORE, "answer", "finish", "target", "place")
_NO_NUL: Final = "\N{REPLACEMENT CHARACTER}"
_WORD: Final = re.compile(r"[a-z_]+")


class BadExpression(Exception):
    """An expression that cannot be compiled. The message is the engine's, on one line."""


class EvaluationFailed(Exception):
    """An expression met a value it cannot handle, such as a division by zero."""


class Known(Struct, frozen=True):
    """The values of one call, as the engine holds them; made once for all rows."""

    values: Any


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, its source, and the variables that it may read: those whose names occur anywhere in it."""

    source: str
    compiled: Any
    uses: frozenset[str]

    def holds(self, known: Known) -> bool:
        """Return whether it is true. Raises `EvaluationFailed`, also for what is neither true nor false."""
        value = self._evaluated(known).value()
        if value is True or value is False:
            return value
        raise EvaluationFailed(str(value))

    def text(self, known: Known) -> str:
        """Return the text it gives. Raises `EvaluationFailed`, also for what is no text."""
        result = self._evaluated(known)
        if result.type() != _cel.Type.STRING:
            raise EvaluationFailed(str(result.value()))
        return result.value()

    def _evaluated(self, known: Known) -> Any:
        try:
            return self.compiled.eval(known.values)
        except RuntimeError as error:
            raise EvaluationFailed(str(error)) from error


class Compiler:
    """Compiles expressions over the variables of one phase."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        special = {
            "turns": _cel.Type.INT,
            "stream": _cel.Type.BOOL,
            "tools": _cel.Type.List(_cel.Type.STRING),
            "data_classes": _cel.Type.List(_cel.Type.STRING),
        }
        self._names = frozenset(variables)
        self._engine: Any = _cel.NewEnv(variables={name: special.get(name, _cel.Type.STRING) for name in variables})

    def condition(self, text: str) -> Expression:
        """Compile what is true or false. Raises `BadExpression`."""
        return self._compile(text, _cel.Type.BOOL, told="true or false")

    def either(self, conditions: Sequence[Expression]) -> Expression:
        """Compile what is false only if every condition is false, and fails if one fails while none is true."""
        return self.condition(" || ".join(f"({one.source}\n)" for one in conditions))

    def text(self, text: str) -> Expression:
        """Compile what gives a text. Raises `BadExpression`."""
        return self._compile(text, _cel.Type.STRING, told="a text")

    def known(self, variables: Mapping[str, object]) -> Known:
        """Return the values of variables for evaluation."""
        values = {name: value.replace("\0", _NO_NUL) if isinstance(value, str) else _whole(value) for name, value in variables.items()}
        return Known(self._engine.Activation(values))

    def _compile(self, text: str, wanted: Any, *, told: str) -> Expression:
        try:
            compiled = self._engine.compile(text)
        except RuntimeError as error:
            first = str(error).removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ").split("\n")[0]
            raise BadExpression(first) from error
        if compiled.return_type() not in (wanted, _cel.Type.DYN):
            raise BadExpression(f"it gives {compiled.return_type().name()}, but must give {told}")
        return Expression(text, compiled, self._names.intersection(_WORD.findall(text)))


def _whole(value: object) -> object:
    # The engine reads a text up to its first NUL only; what follows would escape every rule.
    if isinstance(value, str):
        return value.replace("\0", _NO_NUL)
    if isinstance(value, list):
        return [_whole(one) for one in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - a list of texts
    return value
