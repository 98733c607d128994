"""The examples in docstrings do what they say."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

import disvae

FOLDER = Path(disvae.__file__).parent
KINDS = ast.Module | ast.ClassDef | ast.FunctionDef


def examples():
    """Every docstring with examples, by its place; shape checks hide some from pytest's search."""
    for path in sorted(FOLDER.rglob("*.py")):
        module = ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = ast.get_docstring(node) if isinstance(node, KINDS) else None
            if text and ">>>" in text:
                name = f"{module.removesuffix('.__init__')}:{getattr(node, 'name', '')}"
                yield pytest.param(name, text, id=name)


@pytest.mark.parametrize(("name", "text"), list(examples()))
def test_examples(name, text, tmp_path, data_dir, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISVAE_DATA", str(data_dir))
    module = vars(import_module(name.partition(":")[0]))
    given = {"disvae": disvae, "np": np, "torch": torch, "tmp_path": tmp_path}
    test = doctest.DocTestParser().get_doctest(text, {**module, **given}, name, None, None)
    said = []
    doctest.DocTestRunner().run(test, out=said.append)
    assert said == []


def test_they_show_objectives_and_scores():
    names = {param.id for param in examples()}
    assert {"disvae.objectives:", "disvae.metrics:", "disvae.models.vae:VAE"} <= names
