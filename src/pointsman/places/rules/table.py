"""
Decision tables: rows that answer, veto or correct, read from top to bottom; the first row that fits decides.

Columns: `name`; `phase` (`before` a model, the default, or `after` one); `then` (`answer`, `veto`, or `correct` after a model); `answer` (a text, or `=` and an
expression); `message` (what a vetoed caller is told); `when` (an expression). Every other column is headed by an expression, and its
cells test it: `> 5`, `in ["a", "b"]`, `.contains("refund")`, or a value to equal; an empty cell or `-` fits all.

A veto whose condition fails to evaluate vetoes: when in doubt, no. An answer or correction that fails is passed over, and a model decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from pointsman.core.attempt import Attempt
from pointsman.core.call import Call, Role, Text
from pointsman.core.capability import RuleTable
from pointsman.core.reply import Finish, Reply, Usage
from pointsman.places.rules.expressions import AFTER, BEFORE, BadExpression, Compiler, EvaluationFailed, Expression, Known
from pointsman.places.rules.veto import Vetoed

_FIXED: Final = frozenset({"name", "phase", "then", "answer", "message", "when"})
_PHASES: Final = {"before": frozenset({"answer", "veto"}), "after": frozenset({"veto", "correct"})}
_TESTS: Final = ("<", ">", "==", "!=", "in ", "in[")
_ANY: Final = ("", "-")
_GROUP: Final = 16


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell: the row counts from 0."""

    row: int
    column: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    then: str
    condition: Expression | None
    answer: str | Expression
    message: str

    @property
    def always_decides(self) -> bool:
        """Tell whether nothing below is asked once the condition holds: an answer that must be worked out may fail."""
        return isinstance(self.answer, str)


@dataclass(frozen=True, slots=True)
class _Group:
    """Neighbouring rows, and what is false if none of them fits: of most calls the engine is asked that alone. None where it would save nothing."""

    rows: tuple[_Row, ...]
    fits: Expression | None


@dataclass(frozen=True, slots=True)
class _Phase:
    """The rows of one phase in groups, and how the variables that they read are worked out."""

    compiler: Compiler
    groups: tuple[_Group, ...]
    reads: tuple[tuple[str, Callable[[Attempt], object]], ...]


def check(table: RuleTable) -> list[Fault]:
    """Return every fault of a table, including rows that can never decide and columns that test nothing."""
    if not table.rows:
        return [Fault(0, "rows", "the table has no rows, so it can never decide")]
    faults = [Fault(0, column, "this column tests nothing: all its cells are empty") for column in _idle_columns(table)]
    compilers = _compilers()
    above: dict[str, list[tuple[int, str, _Row]]] = {phase: [] for phase in _PHASES}
    for index, cells in enumerate(table.rows):
        found = _row_faults(cells, index, compilers=compilers)
        faults.extend(found)
        if found:
            continue
        phase, condition, row = _phase(cells), _condition(cells), _compiled(cells, index, compilers=compilers)
        why = _idle_row(condition, row, above=above[phase], compiler=compilers[phase])
        if why is not None:
            faults.append(Fault(index, "when", f"this row can never decide: {why}"))
        above[phase].append((index, condition, row))
    return faults


class RulesPlace:
    """A compiled table. Only variables that its rows read are worked out."""

    def __init__(self, table: RuleTable) -> None:
        compilers = _compilers()
        rows = [(_phase(cells), _compiled(cells, index, compilers=compilers)) for index, cells in enumerate(table.rows)]
        self._name = table.name
        self._before, self._after = (_bound(compiler, tuple(row for its, row in rows if its == phase)) for phase, compiler in compilers.items())

    @property
    def has_after(self) -> bool:
        """Tell whether a model's answer is judged too."""
        return bool(self._after.groups)

    def before(self, attempt: Attempt) -> Reply | None:
        """Return the answer of the first row that fits, or None if a model must decide. Raises `Vetoed`."""
        if not self._before.groups:
            return None
        decided = _decide(self._before, {name: read(attempt) for name, read in self._before.reads})
        return None if decided is None else self._reply(attempt.call, decided)

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        """Return the model's reply, corrected if a row says so. Raises `Vetoed`."""
        told: dict[str, object] = {
            "answer": "".join(part.text for part in reply.parts if isinstance(part, Text)),
            "finish": reply.finish.value,
            "target": attempt.target.name,
            "place": attempt.target.place.value,
        }
        told.update({name: read(attempt) for name, read in self._after.reads})
        decided = _decide(self._after, told)
        if decided is None:
            return reply
        finish = Finish.DONE if reply.finish is Finish.TOOLS else reply.finish  # the tool uses are gone with the answer
        return replace(reply, finish=finish, parts=(Text(decided),), stop_sequence=None, native=None)

    def _reply(self, call: Call, text: str) -> Reply:
        return Reply(reply_id=f"rule-{call.call_id}", model=f"rules/{self._name}", finish=Finish.DONE, parts=(Text(text),), usage=Usage())


def _decide(phase: _Phase, variables: Mapping[str, object]) -> str | None:
    known = phase.compiler.known(variables)
    for row in _candidates(phase, known):
        try:
            if row.condition is not None and not row.condition.holds(known):
                continue
            if row.then == "veto":
                raise Vetoed(rule=row.name, message=row.message)
            return row.answer if isinstance(row.answer, str) else row.answer.text(known)
        except EvaluationFailed as failed:
            if row.then == "veto":
                raise Vetoed(rule=row.name, message=f"{row.message} (the rule `{row.name}` could not be evaluated: {failed})") from failed
    return None


def _candidates(phase: _Phase, known: Known) -> Iterator[_Row]:
    for group in phase.groups:
        if group.fits is None or _may_hold(group.fits, known):
            yield from group.rows


def _may_hold(condition: Expression, known: Known) -> bool:
    try:
        return condition.holds(known)
    except EvaluationFailed:
        return True  # row by row it is told which one failed, and what follows from it


# How each variable that is known before a model has answered is worked out.
_VARIABLES: Final[Mapping[str, Callable[[Attempt], object]]] = MappingProxyType(
    {
        "text": lambda attempt: _last_text(attempt.call),
        "system": lambda attempt: "\n".join([text.text for text in attempt.call.system]),
        "turns": lambda attempt: len(attempt.call.turns),
        "tools": lambda attempt: [tool.name for tool in attempt.call.tools],
        "stream": lambda attempt: attempt.call.stream,
        "capability": lambda attempt: attempt.capability.name,
        "data_class": lambda attempt: attempt.verdict.label.level.name.lower(),
        "data_classes": lambda attempt: sorted(attempt.verdict.label.classes),
        "tenant": lambda attempt: attempt.principal.key.tenant,
        "team": lambda attempt: attempt.principal.key.team or "",
        "application": lambda attempt: attempt.principal.key.application or "",
        "user": lambda attempt: attempt.principal.user or "",
    }
)


def _last_text(call: Call) -> str:
    for turn in reversed(call.turns):
        if turn.role is Role.USER:
            return "\n".join([part.text for part in turn.parts if isinstance(part, Text)])
    return ""


# ── from cells to rows ──────────────────────────────────────────────────────────────────────────────────────────────


def _compilers() -> dict[str, Compiler]:
    return {"before": Compiler(BEFORE), "after": Compiler(AFTER)}


def _condition(cells: Mapping[str, str]) -> str:
    return " && ".join(f"({test}\n)" for _, test in _tests(cells))  # a comment in a cell ends with its line


def _tests(cells: Mapping[str, str]) -> list[tuple[str, str]]:
    when = cells.get("when", "")
    tests = [] if when.strip() in _ANY else [("when", when)]
    for column, told in cells.items():
        cell = told.strip()
        if column not in _FIXED and cell not in _ANY:
            tests.append((column, f"({column}\n){_compared(cell)}"))
    return tests


def _compared(cell: str) -> str:
    if cell.startswith("."):
        return cell
    return f" {cell}" if cell.startswith(_TESTS) else f" == {cell}"


def _phase(cells: Mapping[str, str]) -> str:
    return cells.get("phase") or "before"


def _compiled(cells: Mapping[str, str], index: int, *, compilers: Mapping[str, Compiler]) -> _Row:
    compiler = compilers[_phase(cells)]
    condition, answer = _condition(cells), cells.get("answer", "")
    return _Row(
        name=cells.get("name") or f"row {index + 1}",
        then=cells["then"],
        condition=compiler.condition(condition) if condition else None,
        answer=compiler.text(answer[1:]) if answer.startswith("=") else answer,
        message=cells.get("message") or "A rule of this capability does not allow this.",
    )


def _row_faults(cells: Mapping[str, str], index: int, *, compilers: Mapping[str, Compiler]) -> list[Fault]:
    phase, then = _phase(cells), cells.get("then", "")
    if phase not in _PHASES:
        return [Fault(index, "phase", f"`{phase}` is no phase; write `before` or `after`")]
    if then not in _PHASES[phase]:
        return [Fault(index, "then", f"`{then}` is not possible {phase} a model; write {' or '.join(f'`{word}`' for word in sorted(_PHASES[phase]))}")]
    if then != "veto" and not cells.get("answer"):
        return [Fault(index, "answer", f"a row that must {then} needs an answer")]
    if then == "veto" and cells.get("answer"):
        return [Fault(index, "answer", "a row that vetoes gives no answer; write what the caller is told under `message`")]
    compiler, answer = compilers[phase], cells.get("answer", "")
    expressions = [(column, test, compiler.condition) for column, test in _tests(cells)]
    if answer.startswith("="):
        expressions.append(("answer", answer[1:], compiler.text))
    faults: list[Fault] = []
    for column, text, compiled in expressions:
        try:
            compiled(text)
        except BadExpression as bad:
            faults.append(Fault(index, column, str(bad)))
    return faults


def _idle_columns(table: RuleTable) -> list[str]:
    heads = dict.fromkeys(column for cells in table.rows for column in cells if column not in _FIXED)
    return [head for head in heads if all(cells.get(head, "").strip() in _ANY for cells in table.rows)]


def _idle_row(condition: str, row: _Row, *, above: list[tuple[int, str, _Row]], compiler: Compiler) -> str | None:
    for index, same, higher in above:
        if not higher.always_decides:
            continue
        if _constant(higher, compiler) is True:
            return f"row {index + 1} above it fits everything"
        # Only a veto decides when its condition fails to evaluate.
        if same == condition and (higher.then == "veto" or row.then != "veto"):
            return f"row {index + 1} above it has the same condition"
    return "its condition is false whatever the call" if _constant(row, compiler) is False else None


def _constant(row: _Row, compiler: Compiler) -> bool | None:
    if row.condition is None:
        return True
    if row.condition.uses:
        return None
    try:
        return row.condition.holds(compiler.known({}))
    except EvaluationFailed:
        return row.then == "veto"


def _bound(compiler: Compiler, rows: tuple[_Row, ...]) -> _Phase:
    expressions = [part for row in rows for part in (row.condition, row.answer) if isinstance(part, Expression)]
    groups = tuple(_group(compiler, rows[start : start + _GROUP]) for start in range(0, len(rows), _GROUP))
    uses = frozenset(name for expression in expressions for name in expression.uses)
    return _Phase(compiler=compiler, groups=groups, reads=tuple((name, read) for name, read in _VARIABLES.items() if name in uses))


def _group(compiler: Compiler, rows: tuple[_Row, ...]) -> _Group:
    conditions = [row.condition for row in rows if row.condition is not None]
    return _Group(rows, compiler.either(conditions) if len(conditions) == len(rows) > 1 else None)
