"""
Decision tables: rows that answer, veto or correct, read from top to bottom; the first row that fits decides.

Columns: `name`; `phase` (`before` a model, the default, or `after` one); `then` (`answer`, `veto`, or `correct` after a model); `answer` (a text, or `=` and an
expression); `message` (what a vetoed caller is told); `when` (an expression). Every other column is headed by an expression, and its
cells test it: `> 5`, `in ["a", "b"]`, `.contains("refund")`, or a value to equal; an empty cell fits all.

A veto whose condition fails to evaluate vetoes: when in doubt, no. An answer or correction that fails is passed over, and a model decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pointsman.core.attempt import Attempt
from pointsman.core.call import Call, Role, Text
from pointsman.core.capability import RuleTable
from pointsman.core.errors import Vetoed
from pointsman.core.reply import Finish, Reply, Usage
from pointsman.places.rules.expressions import AFTER, BEFORE, BadExpression, Compiler, EvaluationFailed, Expression

_FIXED: Final = frozenset({"name", "phase", "then", "answer", "message", "when"})
_PHASES: Final = {"before": frozenset({"answer", "veto"}), "after": frozenset({"veto", "correct"})}
_TESTS: Final = ("<", ">", "==", "!=", "in ", "in[")
_ANY: Final = ("", "-")


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


def check(table: RuleTable) -> list[Fault]:
    """Return every fault of a table, including rows that can never decide."""
    faults: list[Fault] = []
    seen: dict[tuple[str, str], int] = {}
    closed: dict[str, int] = {}
    compilers = _compilers()
    for index, cells in enumerate(table.rows):
        found = _row_faults(cells, index, compilers)
        faults.extend(found)
        if found:
            continue
        phase, condition = cells.get("phase") or "before", _condition(cells)
        if phase in closed:
            faults.append(Fault(index, "when", f"this row can never decide: row {closed[phase] + 1} above it fits everything"))
        elif (phase, condition) in seen:
            faults.append(Fault(index, "when", f"this row can never decide: row {seen[phase, condition] + 1} above it has the same condition"))
        elif condition and _is_never(compilers[phase], condition):
            faults.append(Fault(index, "when", "this row can never decide: its condition is false whatever the call"))
        seen.setdefault((phase, condition), index)
        if not condition:
            closed.setdefault(phase, index)
    return faults


class RulesPlace:
    """A compiled table. Only variables that its rows read are worked out."""

    def __init__(self, table: RuleTable) -> None:
        compilers = _compilers()
        rows = [(cells.get("phase") or "before", _compiled(cells, index, compilers)) for index, cells in enumerate(table.rows)]
        self._name = table.name
        self._before = tuple(row for phase, row in rows if phase == "before")
        self._after = tuple(row for phase, row in rows if phase == "after")
        self._uses_before = _uses(self._before)
        self._uses_after = _uses(self._after)

    @property
    def has_after(self) -> bool:
        """Tell whether a model's answer is judged too."""
        return bool(self._after)

    def before(self, attempt: Attempt) -> Reply | None:
        """Return the answer of the first row that fits, or None if a model must decide. Raises `Vetoed`."""
        if not self._before:
            return None
        variables = {name: _variable(name, attempt) for name in self._uses_before}
        decided = _decide(self._before, variables)
        return None if decided is None else self._reply(attempt.call, decided)

    def after(self, attempt: Attempt, reply: Reply) -> Reply:
        """Return the model's reply, corrected if a row says so. Raises `Vetoed`."""
        told = {
            "answer": "".join(part.text for part in reply.parts if isinstance(part, Text)),
            "finish": reply.finish.value,
            "target": attempt.target.name,
            "place": attempt.target.place.value,
        }
        variables = {name: told[name] if name in told else _variable(name, attempt) for name in self._uses_after}
        decided = _decide(self._after, variables)
        if decided is None:
            return reply
        return Reply(reply_id=reply.reply_id, model=reply.model, finish=reply.finish, parts=(Text(decided),), usage=reply.usage)

    def _reply(self, call: Call, text: str) -> Reply:
        return Reply(reply_id=f"rule-{call.call_id}", model=f"rules/{self._name}", finish=Finish.DONE, parts=(Text(text),), usage=Usage())


def _decide(rows: tuple[_Row, ...], variables: Mapping[str, object]) -> str | None:
    for row in rows:
        try:
            fits = row.condition is None or row.condition.value(variables) is True
            if not fits:
                continue
            if row.then == "veto":
                raise Vetoed(rule=row.name, message=row.message)
            return row.answer if isinstance(row.answer, str) else str(row.answer.value(variables))
        except EvaluationFailed as failed:
            if row.then == "veto":
                raise Vetoed(rule=row.name, message=f"{row.message} (the rule `{row.name}` could not be evaluated: {failed})") from failed
    return None


def _variable(name: str, attempt: Attempt) -> object:
    call, key = attempt.call, attempt.principal.key
    match name:
        case "text":
            return _last_text(call)
        case "system":
            return "\n".join(text.text for text in call.system)
        case "turns":
            return len(call.turns)
        case "tools":
            return [tool.name for tool in call.tools]
        case "stream":
            return call.stream
        case "capability":
            return attempt.capability.name
        case "data_class":
            return attempt.verdict.label.name.lower()
        case "user":
            return attempt.principal.user or ""
        case _:
            return getattr(key, name) or ""


def _last_text(call: Call) -> str:
    for turn in reversed(call.turns):
        if turn.role is Role.USER:
            return "\n".join(part.text for part in turn.parts if isinstance(part, Text))
    return ""


# ── from cells to rows ──────────────────────────────────────────────────────────────────────────────────────────────


def _compilers() -> dict[str, Compiler]:
    return {"before": Compiler(BEFORE), "after": Compiler(AFTER)}


def _condition(cells: Mapping[str, str]) -> str:
    tests = [f"({cells['when']})"] if cells.get("when", "") not in _ANY else []
    for column, cell in cells.items():
        if column not in _FIXED and cell.strip() not in _ANY:
            tests.append(f"(({column}){_test(cell.strip())})")
    return " && ".join(tests)


def _test(cell: str) -> str:
    if cell.startswith("."):
        return cell
    return f" {cell}" if cell.startswith(_TESTS) else f" == {cell}"


def _compiled(cells: Mapping[str, str], index: int, compilers: Mapping[str, Compiler]) -> _Row:
    compiler = compilers[cells.get("phase") or "before"]
    condition, answer = _condition(cells), cells.get("answer", "")
    return _Row(
        name=cells.get("name") or f"row {index + 1}",
        then=cells["then"],
        condition=compiler.condition(condition) if condition else None,
        answer=compiler.text(answer[1:]) if answer.startswith("=") else answer,
        message=cells.get("message") or "A rule of this capability does not allow this.",
    )


def _row_faults(cells: Mapping[str, str], index: int, compilers: Mapping[str, Compiler]) -> list[Fault]:
    phase, then = cells.get("phase") or "before", cells.get("then", "")
    if phase not in _PHASES:
        return [Fault(index, "phase", f"`{phase}` is no phase; write `before` or `after`")]
    if then not in _PHASES[phase]:
        return [Fault(index, "then", f"`{then}` is not possible {phase} a model; write {' or '.join(f'`{word}`' for word in sorted(_PHASES[phase]))}")]
    if then != "veto" and not cells.get("answer"):
        return [Fault(index, "answer", f"a row that must {then} needs an answer")]
    faults: list[Fault] = []
    for column, cell in cells.items():
        try:
            if column == "when" and cell not in _ANY:
                compilers[phase].condition(cell)
            elif column == "answer" and cell.startswith("="):
                compilers[phase].text(cell[1:])
            elif column not in _FIXED and cell.strip() not in _ANY:
                compilers[phase].condition(f"({column}){_test(cell.strip())}")
        except BadExpression as bad:
            faults.append(Fault(index, column, str(bad)))
    return faults


def _is_never(compiler: Compiler, condition: str) -> bool:
    expression = compiler.condition(condition)
    if expression.uses:
        return False
    try:
        return expression.value({}) is not True
    except EvaluationFailed:
        return True


def _uses(rows: tuple[_Row, ...]) -> frozenset[str]:
    expressions = [part for row in rows for part in (row.condition, row.answer) if isinstance(part, Expression)]
    return frozenset(name for expression in expressions for name in expression.uses)
