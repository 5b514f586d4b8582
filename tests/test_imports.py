"""Imports go one way, and `import vademecum` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Who may import whom; a room may always import itself.
MAY_IMPORT = {
    "vademecum": set(),
    "corpora": {"vademecum"},
    "model": {"vademecum"},
    "ingest": {"corpora", "model", "vademecum"},
    "rag": {"corpora", "model", "vademecum"},
    "app": {"rag", "ingest", "corpora", "model", "vademecum"},
}
ROOMS = sorted(MAY_IMPORT)
HEAVY = ("torch", "transformers", "chromadb", "sentence_transformers", "gradio", "tantivy", "lxml")


def room_of(module: str) -> str | None:
    """The room that a dotted name belongs to; None if it is not ours."""
    parts = module.split(".")
    if parts[0] != "vademecum":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "vademecum"


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; relative imports are refused."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        if path == ROOT / "vademecum" / "__init__.py":
            continue  # the face: its names are resolved on first use, tested below
        for module in imports_of(path):
            other = room_of(module)
            allowed = other is None or other == room or other in MAY_IMPORT[room]
            assert allowed, f"{path.relative_to(ROOT)} imports {module}"


def test_every_package_is_listed_for_installation() -> None:
    import tomllib

    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        str(init.parent.relative_to(ROOT))
        for room in ROOMS
        for init in (ROOT / room).rglob("__init__.py")
    }
    assert {config["package-dir"][name] for name in config["packages"]} == found
    for name, folder in config["package-dir"].items():
        assert name.removeprefix("vademecum.").replace(".", "/") == folder


def test_importing_the_face_loads_nothing_heavy() -> None:
    code = f"import sys, vademecum; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_face_exports_what_it_names() -> None:
    import vademecum

    for name in vademecum.__all__:
        assert getattr(vademecum, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        vademecum.nonsense  # noqa: B018
