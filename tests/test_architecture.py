"""The rooms of docs/architecture.md: a module imports only its own room and those above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("sesrec_tf", "pipelines", "serving", "benchmarks")


def rooms() -> list[list[str]]:
    """Paths of every row of the table, from the top."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text.partition("| room | holds | imports |")[2].partition("\n\n")[0]
    rows = []
    for line in table.splitlines()[2:]:
        first, *others = re.findall(r"`([^`]+)`", line.split("|")[1])
        folder = first.rstrip("/").rpartition("/")[0] + "/"
        rows.append([first, *(other if "/" in other else folder + other for other in others)])
    return rows


ROOMS = rooms()


def room_of(path: str) -> int:
    """Number of the row whose path fits best."""
    fitting = [
        (len(place), number)
        for number, row in enumerate(ROOMS)
        for place in row
        if path == place or (place.endswith("/") and path.startswith(place))
    ]
    assert fitting, f"{path} is in no room of docs/architecture.md"
    return max(fitting)[1]


def imports(file: Path) -> Iterator[str]:
    """Paths of the project's own modules that a file names."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            path = name.replace(".", "/")
            if name.split(".")[0] in PACKAGES and (ROOT / f"{path}.py").is_file():
                yield f"{path}.py"


def test_every_room_exists():
    assert len(ROOMS) > 15
    for row in ROOMS:
        for place in row:
            assert (ROOT / place).exists(), place


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_rooms_above(package):
    wrong = []
    for file in (ROOT / package).rglob("*.py"):
        path = file.relative_to(ROOT).as_posix()
        if file.name == "__init__.py" and file.parent.parent == ROOT:
            continue
        wrong += [
            f"{path} imports {other}" for other in imports(file) if room_of(other) > room_of(path)
        ]
    assert not wrong, "\n".join(wrong)


def test_the_client_needs_no_room_with_tensorflow():
    allowed = ("sesrec_tf/schema.py", "sesrec_tf/signatures.py", "sesrec_tf/requests/")
    allowed += ("sesrec_tf/errors.py", "sesrec_tf/files.py", "sesrec_tf/command_line.py")
    for file in (ROOT / "serving" / "client").glob("*.py"):
        for other in imports(file):
            assert other.startswith((*allowed, "serving/client/")), (file.name, other)
