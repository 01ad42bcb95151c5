"""
Expressions in CEL, compiled once (ADR 0005): the only file that knows the engine. Its face is typed; the engine's stubs are not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel  # pyright: ignore[reportMissingModuleSource, reportUnknownVariableType, reportAttributeAccessIssue]

_cel: Any = cel

# What a rule can speak of. `answer`, `finish`, `target` and `place` are known after a model has answered only.
BEFORE: Final = ("text", "system", "turns", "capability", "tenant", "team", "application", "user", "data_class", "tools", "stream")
AFTER: Final = (*BEFORE, "answer", "finish", "target", "place")
_WORD: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?<![.\w])([a-z_]+)")


class BadExpression(Exception):
    """An expression that cannot be compiled. The message is the engine's, on one line."""


class EvaluationFailed(Exception):
    """An expression met a value it cannot handle, such as a division by zero."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, and the variables that it reads."""

    compiled: Any
    uses: frozenset[str]

    def value(self, variables: Mapping[str, object]) -> object:
        """Return its value. Raises `EvaluationFailed`."""
        result = self.compiled.eval(data=variables)
        if result.type() == _cel.Type.ERROR:
            raise EvaluationFailed(str(result.value()))
        return result.value()


class Compiler:
    """Compiles expressions over the variables of one phase."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        special = {"turns": _cel.Type.INT, "stream": _cel.Type.BOOL, "tools": _cel.Type.List(_cel.Type.STRING)}
        self._names = frozenset(variables)
        self._engine: Any = _cel.NewEnv(variables={name: special.get(name, _cel.Type.STRING) for name in variables})

    def condition(self, text: str) -> Expression:
        """Compile what is true or false. Raises `BadExpression`."""
        return self._compile(text, _cel.Type.BOOL, "true or false")

    def text(self, text: str) -> Expression:
        """Compile what gives a text. Raises `BadExpression`."""
        return self._compile(text, _cel.Type.STRING, "a text")

    def _compile(self, text: str, wanted: Any, told: str) -> Expression:
        try:
            compiled = self._engine.compile(text)
        except RuntimeError as error:
            first = str(error).removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ").split("\n")[0]
            raise BadExpression(first) from error
        if compiled.return_type() not in (wanted, _cel.Type.DYN):
            raise BadExpression(f"it gives {compiled.return_type().name()}, but must give {told}")
        words = {found[1] for found in _WORD.finditer(text) if found[1]}
        return Expression(compiled, frozenset(words & self._names))
