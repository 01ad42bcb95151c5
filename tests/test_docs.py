"""
The documentation under test: what is generated is fresh, what exists is described, what is linked is there, what is shown works.
"""

import os
import re
import runpy
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from tests.settings.files import known

from pointsman.cli import main as command_line
from pointsman.core.errors import PlaceFailed, PointsmanError
from pointsman.core.failure import FailureKind
from pointsman.server.admin import admin_app
from pointsman.server.api.operation import DOCUMENT
from pointsman.server.api.routes import OPERATIONS
from pointsman.settings.load import load
from pointsman.settings.shape import json_schema
from pointsman.surfaces.registry import BY_PATH

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
BUILD: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "build_docs.py"))
STRUCTS: dict[str, Any] = json_schema()["$defs"]


def blocks(language: str) -> list[Any]:
    """Return each block of code in a language, with where it stands as its id."""
    return [
        pytest.param(match[1], id=f"{page.name}:{source.count(chr(10), 0, match.start()) + 1}")
        for page in PAGES
        for source in [page.read_text(encoding="utf-8")]
        for match in re.finditer(rf"^```{language}\n(.*?)^```", source, re.MULTILINE | re.DOTALL)
    ]


def written(source: str, folder: Path) -> Path:
    """Return a file with this configuration, beside the tables and documents that it names."""
    for name in re.findall(r"rules: (\S+\.csv)", source):
        (folder / name).write_text('when,then,answer\n"text == ""hello""",answer,Hello!\n')
    for name in re.findall(r"path: ([^\s,}]+)", source):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "one.txt").write_text("A text of our own that is long enough to be known again when somebody copies a part of it.\n" * 2)
    path = folder / "pointsman.yaml"
    path.write_text(source, encoding="utf-8")
    return path


@pytest.mark.parametrize("page", list(BUILD["PAGES"]))
def test_a_page_made_from_the_code_is_fresh(page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == BUILD["PAGES"][page](), "run `python scripts/build_docs.py`"


@pytest.mark.parametrize("struct", list(STRUCTS))
def test_every_setting_has_a_section_an_example_and_a_meaning(struct: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    section = page.partition(f'<a id="{struct.lower()}"></a>')[2].partition("\n##")[0]
    for name, field in STRUCTS[struct]["properties"].items():
        assert field["description"].endswith((".", "…")), name
        assert f"| `{name}` |" in section
    path = written(BUILD["EXAMPLES"][struct], tmp_path)
    assert f"```yaml\n{BUILD['EXAMPLES'][struct].strip()}\n```" in section
    load(path, known())


def test_every_route_is_described() -> None:
    server = ROOT / "src" / "pointsman" / "server"
    routes = {f"POST {path}" for path in BY_PATH}
    for name in ("site.py", "told.py"):
        routes |= {f"{method} {path}" for method, path in re.findall(r'\("(GET|POST)", "(/[^"]+)"\)', (server / name).read_text(encoding="utf-8"))}
    admin = admin_app(cast("Any", None), reload=lambda: None, trouble=lambda: None)
    routes |= {f"{method} {path}" for method, path in admin.state.declared}
    routes |= {f"{one.method} {one.path}" for one in OPERATIONS} | {f"GET {DOCUMENT}"}
    assert len(routes) >= 8
    assert [route for route in sorted(routes) if f"`{route}`" not in TEXT] == []


def test_every_command_is_described() -> None:
    assert [name for name in command_line._COMMANDS if f"`pointsman {name}" not in TEXT] == []


def test_every_command_of_a_group_is_described() -> None:
    groups = {name: getattr(command_line.root.get_command(None, name), "commands", {}) for name in command_line._COMMANDS}  # pyright: ignore[reportArgumentType]
    within = [f"{group} {name}" for group, commands in groups.items() for name in commands]
    assert len(within) > 20
    assert [name for name in within if f"pointsman {name}" not in TEXT] == []


def test_every_command_of_a_group_that_is_shown_exists() -> None:
    for group, name in set(re.findall(r"pointsman (policy|keys|audit|identity|retention|console) ([a-z-]+)", TEXT)):
        assert name in getattr(command_line.root.get_command(None, group), "commands", {}), f"pointsman {group} {name}"  # pyright: ignore[reportArgumentType]


def test_every_command_and_option_that_is_shown_exists() -> None:
    shown = {(name, option) for name, options in re.findall(r"pointsman (\w+)([^`\n]*)", TEXT) for option in [*re.findall(r"(--[a-z-]+)", options), ""]}
    for name, option in sorted(shown):
        if name not in command_line._COMMANDS:
            continue
        command = command_line.root.get_command(None, name)  # pyright: ignore[reportArgumentType]
        assert command is not None
        commands = [command, *getattr(command, "commands", {}).values()]
        known_options = {text for one in commands for parameter in one.params for text in parameter.opts} | {"", "--help"}
        assert option in known_options, f"pointsman {name} {option}"


def _errors(root: type[PointsmanError]) -> set[str]:
    ours = [kind for kind in root.__subclasses__() if kind.__module__.startswith("pointsman.")]
    return {root.code} | {code for kind in ours for code in _errors(kind)}


def test_every_error_and_every_kind_of_failure_is_described() -> None:
    BUILD["errors_page"]()  # imports every module that may define one
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    families = {"error", "refused", "failed", "unusable", PlaceFailed.code}
    codes = (_errors(PointsmanError) - families) | {kind.value for kind in FailureKind} | {"internal"}
    assert [code for code in sorted(codes) if f"\n| `{code}` |" not in page] == []
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert all(len(row) == 4 and all(cell.strip("| ") for cell in row) for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        to = page if not path else (page.parent / path).resolve()
        assert to.exists(), f"{name} links to {target}"
        if anchor:
            assert anchor in _anchors(to), f"{name} links to {target}"


def _anchors(page: Path) -> set[str]:
    source = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", source, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads} | set(re.findall(r'<a id="([^"]+)">', source))


@pytest.mark.parametrize("source", blocks("yaml"))
def test_every_configuration_that_is_shown_loads(source: str, tmp_path: Path) -> None:
    load(written(source, tmp_path), known())


@pytest.mark.parametrize("source", blocks("csv"))
def test_every_decision_table_that_is_shown_is_without_fault(source: str, tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text(source, encoding="utf-8")
    path = tmp_path / "pointsman.yaml"
    path.write_text("capabilities: {support: {ladder: [openai/gpt-5-mini], rules: rules.csv}}", encoding="utf-8")
    load(path, known())


@pytest.mark.parametrize("python", ["false", "no-such-program"])
def test_a_python_that_is_too_old_or_absent_is_told_before_anything_is_installed(tmp_path: Path, python: str) -> None:
    venv = tmp_path / "venv"
    environ = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS"}}  # `make test` tells its own make what it was told
    done = subprocess.run(["make", f"VENV={venv}", f"PYTHON={python}", "demo"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode != 0
    assert f"`{python}` is no Python from 3.11 on. Name one: make demo PYTHON=python3.12" in done.stderr
    assert not venv.exists()


@pytest.mark.parametrize("source", blocks("python"))
def test_every_program_that_is_shown_compiles(source: str) -> None:
    compile(source, "docs", "exec")


def test_there_is_something_to_look_at() -> None:
    assert len(blocks("yaml")) > 15
    assert len(blocks("python")) >= 3
