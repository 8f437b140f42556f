"""Importing the package against importing what it needs."""

import ast
import subprocess
import sys
from pathlib import Path

from _speed import compared, in_turns

TIMED = """
import time
begin = time.process_time()
import {}
print(time.process_time() - begin)
"""
LOADED = """
import sys
import skdeepcluster
for name, module in list(sys.modules.items()):
    print(name, getattr(module, "__file__", None) or "")
"""


def compare_imports(repeats):
    """One row: CPU seconds in fresh processes, without the start of Python."""
    others = ", ".join(needed_modules())
    sides = [lambda: seconds_to_import("skdeepcluster")]
    sides.append(lambda: seconds_to_import(others))
    in_turns(sides, 1)  # from the disk
    yield compared(
        *in_turns(sides, max(repeats, 5)),
        part="imports",
        method="import skdeepcluster",
        quantity="seconds",
    )


def seconds_to_import(names):
    return float(run(TIMED.format(names)))


def needed_modules():
    """Modules outside the package that its loaded files import when they are loaded."""
    lines = [line.split(" ", 1) for line in run(LOADED).splitlines()]
    loaded = dict(lines)
    found = set()
    for name, file in loaded.items():
        if name.split(".")[0] == "skdeepcluster" and file.endswith(".py"):
            found |= imported_by(Path(file).read_text(encoding="utf-8"), loaded)
    return sorted(found)


def imported_by(source, loaded):
    """Modules among the loaded ones that a file imports outside of its functions."""
    found = set()
    for node in outside_functions(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {n for n in found if n in loaded and n.split(".")[0] != "skdeepcluster"}


def outside_functions(node):
    """The node and all below it, without what is in functions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.Lambda)):
            yield from outside_functions(child)


def run(code):
    """What a fresh process prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
