"""What the package imports is declared, by the extra that it belongs to."""

import ast
import itertools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import disvae

FOLDER = Path(disvae.__file__).parent


def imported():
    """The packages of others that each module imports, wherever in it."""
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                yield path.relative_to(FOLDER), name.partition(".")[0]


def test_every_import_is_declared():
    distributions = packages_distributions()
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    extras = (lines for name, lines in project["optional-dependencies"].items() if name != "docs")
    ours = itertools.chain(project["dependencies"], *extras)
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in ours}
    known = {*sys.stdlib_module_names, "disvae"}
    undeclared = {
        (str(path), package)
        for path, package in imported()
        if package not in known
        and names.isdisjoint(map(str.lower, [package, *distributions.get(package, [])]))
    }
    assert not undeclared
