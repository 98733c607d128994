"""What the package imports is declared, by the extra that it belongs to."""

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
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
    ours = [line for line in requires("disvae") if not re.search(r"extra == .(dev|docs)", line)]
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in ours}
    known = {*sys.stdlib_module_names, "disvae"}
    undeclared = {
        (str(path), package)
        for path, package in imported()
        if package not in known
        and names.isdisjoint(name.lower() for name in distributions.get(package, [package]))
    }
    assert not undeclared
