"""
Two classes of faults that can be seen in the code itself, and are tried from outside too: SQL made from strings (B2), and ways from HTTP to running
commands (B3).

The walks below read the source as the interpreter does, so a new statement or import is looked at without anybody thinking of it.
"""

import ast
import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from tests.journeys.gateway import Gateway
from tests.journeys.processes import eventually

from pointsman.intake.keys import mint

ROOT: Final = Path(__file__).parents[2] / "src" / "pointsman"
_KEY: Final = mint(secrets.token_bytes(32))
_ADMIN: Final = mint(secrets.token_bytes(32))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def module_path(name: str) -> Path | None:
    """Return the file of one of our modules."""
    base = ROOT.parent.joinpath(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()), None)


# ── B2: statements are constants ────────────────────────────────────────────────────────────────────────────────────

_RUN: Final = frozenset({"execute", "executemany", "executescript", "rows", "many"})
# They write a value as SQL, so that nothing in it ends the text, name or list that it stands in: tests/storage/test_duck.py.
_QUOTING: Final = frozenset({"text", "quoted", "files"})
_SAFE: Final = _QUOTING | {"query"}  # a packaged file by its name
_LOOPED: Final = frozenset({("rollups.py", "table")})  # one of three names written out in the line before
# Statements that reach `execute` by a name whose value this walk does not follow, and why each is a constant all the same.
_KNOWN: Final[Mapping[tuple[str, str], str]] = {
    ("storage/database.py", "statement"): "a statement of a packaged migration",
    ("storage/database.py", "f'PRAGMA user_version={version}'"): "the number in the name of a packaged migration",
    ("storage/identity_file.py", "statement"): "an entry of _SCHEMA, or the constant of a caller in this class",
    ("storage/identity_file.py", "query"): "the constant of a caller in this class",
    ("cli/export.py", "sql"): "the question of whoever holds the shell, asked of a DuckDB that writes nothing (see `Analytics._check`)",
    (
        "cli/query.py",
        "sys.stdin.read() if sql == '-' else sql",
    ): "the question of whoever holds the shell, asked of a DuckDB that writes nothing (see `Analytics._check`)",
    ("ledger/balance.py", "sql"): "one of two packaged questions",
    ("storage/analytics.py", "asked"): "the operator's question, one SELECT in a DuckDB that is locked; or names of our tables, quoted",
    (
        "storage/analytics.py",
        "f\"CREATE VIEW {ducks.quoted(kind.name)} AS {' UNION ALL BY NAME '.join(made)}\"",
    ): "the operator's question, one SELECT in a DuckDB that is locked; or names of our tables, quoted",
    (
        "storage/analytics.py",
        "f\"SELECT {', '.join(map(ducks.quoted, columns))} FROM {ducks.quoted(name)}\"",
    ): "the operator's question, one SELECT in a DuckDB that is locked; or names of our tables, quoted",
    ("storage/content_in_ledger.py", "asked"): "tables and columns of constants of this module",
    ("storage/content_in_ledger.py", "change"): "tables and columns of constants of this module",
    ("storage/content_in_ledger.py", "f'DELETE FROM {table} WHERE call_id IN (SELECT call_id {_CALLS})'"): "tables and columns of constants of this module",
    ("storage/content_in_ledger.py", "f'UPDATE {table} SET {column} = :anew WHERE {column} = :id'"): "tables and columns of constants of this module",
    ("storage/content_in_ledger.py", "f'VACUUM {table}'"): "tables and columns of constants of this module",
    (
        "storage/dimensions.py",
        "f\"SELECT {', '.join(columns)} FROM {one.table} WHERE {where} ORDER BY since_ms DESC LIMIT 1\"",
    ): "a table of `_KEYS`, and the columns of a record that this product makes",
    (
        "storage/duck.py",
        "f\"CREATE OR REPLACE TABLE {quoted(name)} ({', '.join((f'{quoted(column)} {kind}' for column, kind in columns.items()))})\"",
    ): "names quoted, types of our schema, or the constant of a caller in this class",
    (
        "storage/duck.py",
        "f'COPY ({sql}) TO {text(str(draft))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})'",
    ): "names quoted, types of our schema, or the constant of a caller in this class",
    (
        "storage/duck.py",
        "f'INSERT INTO {quoted(name)} ({names}) SELECT {casts} FROM handed_over'",
    ): "names quoted, types of our schema, or the constant of a caller in this class",
    ("storage/duck.py", "f'PRAGMA table_info({name})'"): "names quoted, types of our schema, or the constant of a caller in this class",
    ("storage/duck.py", "sql"): "names quoted, types of our schema, or the constant of a caller in this class",
    ("storage/postgres.py", "one"): "what `Database` was given, with placeholders for its parameters; or a constant of the connection",
    ("storage/postgres.py", "translated(sql)"): "what `Database` was given, with placeholders for its parameters; or a constant of the connection",
    ("storage/postgres_schema.py", "schema_words(statement)"): "a statement of a packaged migration",
    (
        "storage/records.py",
        "f'SELECT {value} AS name, SUM(cost_nano_usd) AS spent FROM call WHERE call_id >= :first AND \"{by}\" IS NOT NULL AND cost_nano_usd IS NOT NULL GROUP BY 1'",  # noqa: E501 - as it stands there
    ): "a column out of `_SPENT_BY`",
    (
        "storage/sealed_kinds.py",
        "'SELECT name, kind, day_ms, sealed_ms, rows_held, sha256, is_detached FROM segment' + (' WHERE kind = :kind' if kind else '') + ' ORDER BY kind, day_ms, sealed_ms, name'",  # noqa: E501 - as it stands there
    ): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/sealed_kinds.py", "sql"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/segments.py", "f'DELETE FROM {kind.name} WHERE {chosen} AND NOT ({sql})'"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/segments.py", "f'DELETE FROM {kind.name} WHERE {where} AND NOT ({sql})'"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/segments.py", "f'SELECT COUNT(*) AS n FROM {kind.name} WHERE {where}'"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/segments.py", "f'SELECT COUNT(*) FROM ({chosen})'"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/segments.py", "f'SELECT MIN({kind.day}) AS first FROM {kind.name}'"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    (
        "storage/segments_letting_go.py",
        "f\"INSERT INTO over SELECT call_id FROM {table_of(folder, known)} WHERE ({' OR '.join(past) or 'FALSE'}) AND {free}\"",
    ): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/segments_letting_go.py", "f'SELECT COUNT(*) FROM {sql}'"): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    (
        "storage/segments_letting_go.py",
        "f'SELECT DISTINCT data_class FROM {table_of(folder, files)}'",
    ): "names of tables and columns of `sealed_kinds.KINDS`, texts quoted",
    ("storage/several.py", "_insertion(table, columns, size=size, conflict=conflict)"): "table and columns of the constants of callers in `storage`",
    (
        "storage/several.py",
        "_selection(table, columns, keys=keys, size=size, what='SELECT DISTINCT' if is_distinct else 'SELECT')",
    ): "table and columns of the constants of callers in `storage`",
    ("storage/sql.py", "sql"): "what `Database` was given: its callers are looked at here",
}


def _constants(path: Path) -> dict[str, ast.expr]:
    """Return what module-level names stand for, those of our other modules included."""
    found: dict[str, ast.expr] = {}
    for node in tree_of(path).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pointsman."):
            other = module_path(node.module)
            if other is not None and other != path and any(alias.name.lstrip("_").isupper() for alias in node.names):
                found.update(_constants(other))
            for alias in node.names:
                inner = module_path(f"{node.module}.{alias.name}")
                if inner is not None and inner != path:
                    found.update({f"{alias.asname or alias.name}.{name}": told for name, told in _constants(inner).items() if name.isupper()})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def _is_constant(node: ast.expr, names: Mapping[str, ast.expr]) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.JoinedStr():
            return all(_is_constant(part.value if isinstance(part, ast.FormattedValue) else part, names) for part in node.values)
        case ast.BinOp(left=left, right=right):
            return all(_is_constant(one, names) for one in (left, right))
        case ast.Name() if node.id in names:
            return _is_constant(names[node.id], {name: told for name, told in names.items() if name != node.id})
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "join")):
            told = [*node.args, *(keyword.value for keyword in node.keywords)]
            return _is_constant(value, names) and all(_is_constant(one, names) for one in told)
        case ast.Tuple() | ast.List():
            return all(_is_constant(one, names) for one in node.elts)
        case ast.GeneratorExp(generators=[ast.comprehension(target=ast.Name(id=name), iter=over, ifs=[])]):
            return _is_constant(over, names) and _is_constant(node.elt, {**names, name: ast.Constant(name)})
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="ducks"), attr=name)) if name in _SAFE:
            return True
        case ast.Attribute(value=ast.Name(id=module), attr=name):  # a constant of a module that was imported whole
            return f"{module}.{name}" in names and _is_constant(names[f"{module}.{name}"], names)
        case _:
            return False


def _locals(function: ast.AST) -> dict[str, ast.expr]:
    """Return what names within a function stand for, where they are given a value once."""
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).append(node.value)
    return {name: values[0] for name, values in given.items() if len(values) == 1}


def _statements(path: Path) -> Iterator[tuple[int, ast.expr, dict[str, ast.expr]]]:
    constants = _constants(path)
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        names = {**constants, **_locals(function)}
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _RUN and node.args:
                yield node.lineno, node.args[0], names


def test_b2_no_statement_is_made_from_what_anybody_says() -> None:
    strangers: list[str] = []
    used: set[tuple[str, str]] = set()
    seen = 0
    for path in sources():
        where = str(path.relative_to(ROOT))
        for line, statement, names in _statements(path):
            seen += 1
            if not _is_constant(statement, names):
                told = (where, ast.unparse(statement))
                used.add(told)
                if told not in _KNOWN:
                    strangers.append(f"{where}:{line} {told[1]}")
    assert strangers == []
    assert used == set(_KNOWN), "an entry that nothing needs would let the next one through"
    assert seen > 250


def test_b2_what_reaches_a_statement_by_a_name_is_a_constant_of_a_caller() -> None:
    """The callers of those few functions write out what they pass."""
    checked = 0
    for file, function in (("storage/identity_file.py", "_rows"), ("storage/identity_file.py", "_write")):
        path = ROOT / file
        names = _constants(path)
        for node in ast.walk(tree_of(path)):
            is_call = isinstance(node, ast.Call) and function in {getattr(node.func, "attr", ""), getattr(node.func, "id", "")}
            for argument in node.args if is_call and isinstance(node, ast.Call) else ():
                told = _first(argument)
                if isinstance(told, ast.Constant) and isinstance(told.value, str):
                    checked += 1
                else:
                    assert isinstance(node, ast.Call)
                    assert argument is not node.args[0] or _is_constant(told, names), f"{file}:{node.lineno}"
    assert checked >= 10


def test_b2_rows_of_many_at_a_time_go_into_tables_that_are_written_out() -> None:
    """What `storage/several` is told to write into or to read from is a constant of its callers."""
    checked = 0
    for path in sources():
        if "from pointsman.storage.several import" not in path.read_text(encoding="utf-8"):
            continue
        functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            names = {**_constants(path), **_locals(function)}
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"insert", "add", "replace", "by_keys"}:
                    checked += 1
                    made = ast.unparse(node.args[1])
                    assert _is_constant(node.args[1], names) or (path.name, made) in _LOOPED, f"{path.name}:{node.lineno} {made}"
    assert checked >= 10


def _first(argument: ast.expr) -> ast.expr:
    """Return the statement of an argument that is one, a pair of one and its values, or several such pairs."""
    match argument:
        case ast.Starred(value=ast.GeneratorExp(elt=ast.Tuple(elts=[statement, *_]))) | ast.Starred(value=ast.ListComp(elt=ast.Tuple(elts=[statement, *_]))):
            return statement
        case ast.Tuple(elts=[statement, *_]):
            return statement
        case _:
            return argument


def test_b2_only_storage_and_readers_of_the_ledger_speak_sql() -> None:
    """Nothing that reads requests, checks credentials or talks HTTP has a statement in it."""
    speak = {str(path.relative_to(ROOT)) for path in sources() if any(not _is_packaged(statement, names) for _, statement, names in _statements(path))}
    elsewhere = {name for name in speak if name.partition("/")[0] not in {"storage", "ledger", "cli"}}
    assert elsewhere <= {"control/exports/files.py", "control/exports/focus.py"}  # a DuckDB in memory of their own, and constants
    asks = {str(path.relative_to(ROOT)).partition("/")[0] for path in sources() if any(True for _ in _statements(path))}
    assert not asks & {"server", "edge", "intake", "surfaces", "governance", "pipeline", "transport"}
    assert asks >= {"storage", "ledger", "control"}


def _is_packaged(statement: ast.expr, names: Mapping[str, ast.expr]) -> bool:
    if isinstance(statement, ast.Name):
        statement = names.get(statement.id, statement)
    return isinstance(statement, ast.Call) and isinstance(statement.func, ast.Name) and statement.func.id == "query"


def test_b2_a_credential_is_hashed_before_anything_looks_it_up() -> None:
    """In `intake` no look-up of a mapping has a secret as its key: it is a digest, of a fixed length."""
    text = (ROOT / "intake" / "keys.py").read_text(encoding="utf-8")
    assert "self._by_digest.get(hashlib.sha256(secret.encode()).digest())" in text
    for path in sorted((ROOT / "intake").glob("*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
                assert not (isinstance(node.args[0], ast.Name) and node.args[0].id in {"secret", "token", "bearer"}), f"{path.name}:{node.lineno}"


# ── B3: no way from HTTP to a command ───────────────────────────────────────────────────────────────────────────────

_CALLS: Final = frozenset({"eval", "exec", "compile", "__import__", "execfile", "input", "breakpoint"})
_MODULES: Final = frozenset(
    {"subprocess", "pickle", "cPickle", "marshal", "shelve", "dill", "pty", "code", "codeop", "runpy", "ctypes", "cffi", "xmlrpc", "webbrowser", "pdb"}
)
_OF_OS: Final = ("system", "popen", "exec", "spawn", "posix_spawn", "fork", "startfile")
# The one process that a serving gateway starts: copies of checkpoints into a git repository that the configuration names, from a thread of the audit log.
_SUBPROCESS: Final = frozenset({"storage/audit_copies.py"})
# What is imported by a name that is not written out in the call, and where the name comes from.
_IMPORTS: Final[Mapping[tuple[str, str], str]] = {
    ("governance/detection/identifiers/plans.py", "f'stdnum.{name}'"): "a list in that module",
    ("intake/tokens_keys.py", "f'joserfc.{part}'"): "constants of that module",
}


def closure() -> list[Path]:
    """Return our modules that the listeners import, directly or not."""
    waiting = ["pointsman.server.serve", "pointsman.server.admin", "pointsman.server.workers", "pointsman.app.gateway"]
    found: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        path = module_path(name)
        if path is None or name in found:
            continue
        found[name] = path
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pointsman"):
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names if alias.name.startswith("pointsman")]
    return sorted(found.values())


def test_b3_nothing_that_serves_can_run_a_command_or_unpickle() -> None:
    modules = closure()
    assert len(modules) > 150
    found: list[str] = []
    for path in modules:
        where = str(path.relative_to(ROOT))
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
                    found.append(f"{where}:{node.lineno} {name}")
                case ast.Import(names=names):
                    found += [f"{where} {one.name}" for one in names if one.name.partition(".")[0] in _MODULES and where not in _SUBPROCESS]
                case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _MODULES:
                    found.append(f"{where} {module}")
                case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if attribute.startswith(_OF_OS):
                    found.append(f"{where}:{node.lineno} os.{attribute}")
                case ast.Attribute(value=ast.Name(id="yaml"), attr="load" | "unsafe_load" | "full_load"):
                    found.append(f"{where}:{node.lineno} yaml")
                case _:
                    pass
    assert found == []


def test_b3_modules_are_imported_by_written_names_only() -> None:
    found: set[tuple[str, str]] = set()
    for path in closure():
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.Call(func=ast.Attribute(attr="import_module"), args=[argument, *_]) if not isinstance(argument, ast.Constant):
                    found.add((str(path.relative_to(ROOT)), ast.unparse(argument)))
                case _:
                    pass
    assert found == set(_IMPORTS)


def test_b3_the_one_process_is_git_with_words_of_ours() -> None:
    path = ROOT / "storage" / "audit_copies.py"
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "subprocess.run"]
    assert [ast.unparse(call.args[0])[:32] for call in calls] == ["['git', '-C', str(repository), *"]
    assert not any(keyword.arg == "shell" for call in calls for keyword in call.keywords)
    users = [one for one in sources() if "keep_in_git" in one.read_text(encoding="utf-8")]
    assert {str(one.relative_to(ROOT)) for one in users} == {"storage/audit_copies.py", "ledger/audit/copying.py"}


# ── and from outside ────────────────────────────────────────────────────────────────────────────────────────────────

_HOOK: Final = """
import os, sys
_WATCHED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "pty.spawn", "pickle.find_class")
_out = os.open(os.environ["SEEN_BY_HOOK"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
sys.addaudithook(lambda event, arguments: os.write(_out, f"{event} {arguments}\\n".encode()) if event in _WATCHED else None)
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose interpreter writes down every process that it starts and every class that it unpickles. Answers come from a rule."""
    folder = tmp_path_factory.mktemp("commands")
    hooks = tmp_path_factory.mktemp("hooks")
    (hooks / "sitecustomize.py").write_text(_HOOK)
    (folder / "rules.csv").write_text("when,then,answer\ntrue,answer,By a rule.\n")
    told = {
        "vendors": {"acme": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}},
        "targets": {"acme/small": {"vendor": "acme", "model": "small"}},
        "capabilities": {"support": {"ladder": ["acme/small"], "rules": "rules.csv"}},
        "keys": {"web": {"sha256": _KEY.sha256}, "ops": {"sha256": _ADMIN.sha256, "scopes": ["admin", "call", "outcomes"]}},
        "audit": {"copies": ["file:outside"]},
    }
    with Gateway(folder, told, environ={"PYTHONPATH": str(hooks), "SEEN_BY_HOOK": str(folder / "hook.txt")}) as running:
        yield running


def _shown(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


_COMMANDS: Final = (
    "$(touch {})",
    "`touch {}`",
    "; touch {} ;",
    "| touch {}",
    "{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}",
    "${{jndi:ldap://127.0.0.1:1/{}}}",
    "__import__('os').system('touch {}')",
    "!!python/object/apply:os.system ['touch {}']",
    "cos\nsystem\n(S'touch {}'\ntR.",
    "<?php system('touch {}'); ?>",
    "#{{`touch {}`}}",
    "<!--#exec cmd='touch {}' -->",
    "\\x80\\x04\\x95{}",
    "[x for x in (1).__class__.__base__.__subclasses__()] {}",
)


def _bodies(word: str) -> Iterator[dict[str, Any]]:
    said = [{"role": "user", "content": word}]
    server = {"command": "sh", "args": ["-c", word], "env": {"PATH": word}, "transport": "stdio", "type": "stdio"}
    yield {"model": "support", "messages": said}
    yield {"model": "support", "messages": said, "mcp_servers": [server], "tools": [{"type": "mcp", **server}]}
    yield {"model": "support", "messages": said, "guardrails": [{"code": word}], "custom_code": word, "callbacks": [word], "python": word}
    yield {"model": "support", "messages": said, "tools": [{"type": "function", "function": {"name": "f", "description": word, "parameters": {}}}]}
    yield {"model": "support", "messages": said, "metadata": {word: word}, "user": word, "prompt_template": word, "when": word, "extra_body": {"rules": word}}
    yield {"model": "support", "messages": [{"role": "tool", "tool_call_id": word, "content": word}], "functions": [{"name": "f", "code": word}]}


def test_b3_no_request_starts_a_process_or_makes_a_file(gateway: Gateway) -> None:
    seen, made = gateway.folder / "hook.txt", gateway.folder / "made-by-a-command"
    before = seen.read_text()
    statuses: list[int] = []
    for pattern in _COMMANDS:
        word = pattern.format(made)
        for body in _bodies(word):
            paths = ("/v1/chat/completions", "/v1/messages")
            statuses += [gateway.post(path, json={"max_tokens": 5, **body}, headers=_shown(_ADMIN.secret)).status_code for path in paths]
        outcome = {"unit": word, "kind": word, "source": word}
        statuses.append(gateway.post("/v1/outcomes", json=outcome, headers=_shown(_ADMIN.secret)).status_code)
    assert set(statuses) <= {200, 201, 400}
    assert statuses.count(200) >= len(_COMMANDS)
    assert seen.read_text() == before, "what a serving gateway started"
    assert not made.exists()


_HOSTILE: Final = (
    "' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE call; --", '" OR ""="', "') UNION SELECT sha256 FROM key --", "admin'/*", "%", "%%", "_%", "pm_%",
    "1; ATTACH DATABASE '/tmp/x' AS x", "\\' OR 1=1", "%27%20OR%201=1", "pm_' || (SELECT 1) || '", '{"$ne": null}', "*", "?", "$1", ":a", "@a",
    "a" * 5000, "pm_" + "9" * 49, "' AND randomblob(1000000000) AND '", "x' AND 1=(SELECT COUNT(*) FROM sqlite_master) --",
)  # fmt: skip


def test_b2_no_credential_is_ever_part_of_a_statement(gateway: Gateway) -> None:
    """Whatever stands in a credential header, the answer is the same refusal, and the ledger is as it was."""
    gateway.chat("support", key=_KEY.secret)
    eventually(lambda: gateway.rows("SELECT call_id FROM call"), "a record")
    tables = gateway.rows("SELECT name, sql FROM sqlite_master ORDER BY name")
    for hostile in _HOSTILE:
        for headers in (_shown(hostile), {"x-api-key": hostile}, {"authorization": hostile}, {"cookie": f"pointsman={hostile}"}):
            for answer in (gateway.chat("support", headers=headers), gateway.get("/v1/models", headers=headers)):
                assert answer.status_code in (400, 401), (hostile, answer.text)
                assert "sql" not in answer.text.lower()
            outcome = gateway.post("/v1/outcomes", json={"unit": "u", "kind": "k"}, headers=headers)
            assert outcome.status_code in (400, 401)
    assert gateway.rows("SELECT name, sql FROM sqlite_master ORDER BY name") == tables


def test_b2_names_in_headers_and_outcomes_are_values_in_the_ledger(gateway: Gateway) -> None:
    """What a caller may name (unit, user, kinds) comes back letter by letter."""
    for hostile in (word for word in _HOSTILE if len(word) < 100):
        headers = {"x-pointsman-unit": hostile, "x-pointsman-user": hostile}
        answer = gateway.chat("support", key=_KEY.secret, headers=headers)
        assert answer.status_code == 200
        row = gateway.call(answer.headers["x-request-id"])
        assert (row["unit"], row["user"]) == (hostile, hostile)
        told = gateway.post("/v1/outcomes", json={"unit": hostile, "kind": hostile, "id": hostile}, headers=_shown(_KEY.secret))
        assert told.status_code == 201
    reader = sqlite3.connect(f"file:{gateway.folder / 'pointsman.db'}?mode=ro", uri=True)
    assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reader.close()
    report = json.loads(gateway.cli("report", "--json").stdout)
    assert report
