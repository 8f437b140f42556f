"""The code on the pages of the documentation runs as it stands."""

from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

ROOT = Path(__file__).parents[1]
DOC = ROOT / "doc"
NOT_WRITTEN_BY_HAND = {"_build", "_templates", "auto_examples", "generated"}
SLOW = {"README.rst"}


def python_blocks(path: Path) -> list[str]:
    """The code of all ``code-block:: python`` of a page, in order."""
    settings = {"report_level": 5}  # what only Sphinx knows is no concern here
    page = publish_doctree(
        path.read_text("utf-8"), source_path=str(path), settings_overrides=settings
    )
    return [
        block.astext()
        for block in page.findall(nodes.literal_block)
        if "python" in block["classes"]
    ]


def pages_with_code() -> list:
    """README and the pages under doc that have Python on them, by name."""
    pages = [ROOT / "README.rst"] + [
        path
        for path in sorted(DOC.rglob("*.rst"))
        if not NOT_WRITTEN_BY_HAND & set(path.relative_to(DOC).parts)
    ]
    names = [
        path.relative_to(ROOT).as_posix()
        for path in pages
        if "code-block:: python" in path.read_text("utf-8")
    ]
    return [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in names
    ]


@pytest.mark.parametrize("name", pages_with_code())
def test_page__its_code__runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = ROOT / name
    blocks = python_blocks(path)
    # None is left out, for instance for an option that docutils does not know.
    assert len(blocks) == path.read_text("utf-8").count("code-block:: python")
    namespace = {"__name__": "__main__"}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{name}, block {number}", "exec"), namespace)
