"""Who may import whom, read from the sources."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import skdeepcluster

PACKAGE = Path(skdeepcluster.__file__).parent
ARRAYS = {"joblib", "numpy", "scipy", "sklearn"}
TORCH = ARRAYS | {"torch"}
BELOW_THE_FACE = {"engine", "networks", "utils"}
BELOW_REPRESENTATION = {*BELOW_THE_FACE, "augment", "base", "initialization", "losses"}
BELOW_CLUSTER = {*BELOW_REPRESENTATION, "representation"}

# Room: (rooms it may import, libraries it may import). Downwards only.
ALLOWED = {
    "utils": (set(), ARRAYS),
    "metrics": ({"utils"}, ARRAYS),
    "datasets": ({"utils"}, ARRAYS),
    "networks": ({"utils"}, TORCH),
    "losses": ({"utils"}, TORCH),
    "augment": ({"utils"}, TORCH),
    "engine": ({"utils"}, TORCH),
    "initialization": (BELOW_THE_FACE, TORCH),
    "base": (BELOW_THE_FACE, TORCH),
    "representation": (BELOW_REPRESENTATION, TORCH),
    "cluster": (BELOW_CLUSTER, TORCH),
    "persistence": ({"base", *BELOW_THE_FACE}, TORCH),
    "inspection": ({"cluster", "metrics", "representation", "utils"}, ARRAYS),
    "model_selection": (
        {"cluster", "inspection", "metrics", "representation", "utils"},
        ARRAYS,
    ),
}
# Installed on wish, so imported inside the function that needs them.
OPTIONAL = {
    "faiss",
    "kornia",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pandas",
    "rich",
    "safetensors",
    "skops",
    "tqdm",
}


class Import(NamedTuple):
    module: str  # dotted, as written
    names: tuple[str, ...]
    is_lazy: bool  # inside a function


def imports(source: str) -> list[Import]:
    found = []

    def visit(node, is_lazy):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, (), is_lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = tuple(alias.name for alias in node.names)
            found.append(Import(node.module, names, is_lazy))
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, is_lazy or inside)

    visit(ast.parse(source), False)
    return found


def room(path: Path) -> str:
    """First part of the path inside the package, without ending."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if room(path) not in ("__init__", "_version")
)


def name_of(path):
    return str(path.relative_to(PACKAGE))


def test_every_room_has_its_rules():
    assert {room(path) for path in MODULES} <= ALLOWED.keys()
    assert "cluster/_dec.py" in map(name_of, MODULES)


def test_rules_point_downwards():
    order = list(ALLOWED)
    for upper, (lower, _) in ALLOWED.items():
        assert all(order.index(other) < order.index(upper) for other in lower), upper


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path):
    rooms, libraries = ALLOWED[room(path)]
    for module, names, is_lazy in imports(path.read_text()):
        top, *inside = module.split(".")
        if module == "skdeepcluster":
            # To look public classes up by name, once all rooms are there.
            assert room(path) == "persistence" and is_lazy
        elif top == "skdeepcluster":
            others = inside[:1] or names
            assert set(others) <= {*rooms, room(path), "_version"}, module
        elif top not in sys.stdlib_module_names:
            assert top in libraries or (top in OPTIONAL and is_lazy), module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_other_rooms_are_entered_by_the_door(path):
    for module, names, _ in imports(path.read_text()):
        parts = module.split(".")
        if parts[0] != "skdeepcluster" or parts[1:] in ([], ["_version"]):
            continue
        if parts[1] != room(path):
            private = [part for part in (*parts, *names) if part.startswith("_")]
            assert private in ([], ["__version__"]), module


# Of representations; what clusterers share has a folder.
_SHARED = ("._encoders", "._objectives", "._start", "._views")


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if room(path) in ("cluster", "representation")],
    ids=name_of,
)
def test_siblings_are_imported_only_to_subclass_them(path):
    if path.name in ("__init__.py", "_base.py"):
        return
    source = path.read_text()
    bases = {
        ast.unparse(base)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }
    for module, names, _ in imports(source):
        in_room = module.startswith(f"skdeepcluster.{room(path)}._")
        if in_room and "._shared." not in module and not module.endswith(_SHARED):
            assert set(names) <= bases, module


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if "cluster/_shared" in path.as_posix()],
    ids=name_of,
)
def test_what_methods_share_knows_none_of_them(path):
    for module, _, _ in imports(path.read_text()):
        if module.startswith("skdeepcluster.cluster"):
            assert module.startswith("skdeepcluster.cluster._shared."), module


def test_the_engine_knows_no_clusters():
    for path in MODULES:
        if room(path) == "engine":
            words = path.read_text().replace("skdeepcluster", "")
            assert not re.search("cluster", words, re.IGNORECASE), path.name


def test_import_of_the_package__brings_no_optional_library():
    # torch and scikit-learn bring some of them where they are installed.
    code = """
        import sys
        import sklearn.cluster, sklearn.preprocessing, torch
        before = set(sys.modules)
        import skdeepcluster
        print(*{name.partition(".")[0] for name in set(sys.modules) - before})
        print("torch._dynamo" in sys.modules, "torchvision" in sys.modules)
    """
    lines = subprocess.run(
        [sys.executable, "-c", inspect.cleandoc(code)],
        cwd=PACKAGE.parent,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    libraries = set(lines[0].split())
    assert "skdeepcluster" in libraries
    assert libraries.isdisjoint({*OPTIONAL, "polars"})
    assert lines[1] == "False False"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch.nn as nn", ("torch.nn", (), False)),
        ("from a.b import c, d", ("a.b", ("c", "d"), False)),
        ("def f():\n    import tqdm", ("tqdm", (), True)),
        ("class A:\n    import tqdm", ("tqdm", (), False)),
        ("try:\n    import x\nexcept ImportError:\n    pass", ("x", (), False)),
    ],
)
def test_how_imports_are_found(source, expected):
    assert imports(source) == [expected]
