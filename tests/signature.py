"""Write `disvae.train` down with all its options, for editors: ``python -m tests.signature``."""

import inspect
import subprocess
import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import disvae
from disvae.options import Options
from disvae.options.user_code import KINDS

OBJECTS = {*KINDS, "tracker"}  # options that take objects of the user's own too

STUB = Path(disvae.__file__).with_name("signatures.pyi")
HEAD = '''"""`disvae.train` with every option, for editors and type checkers.

Written by ``python -m tests.signature``; a test tells when that is due.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from disvae.runs.run import Run
from disvae.training.keeping import OnEpoch

'''


def spelled(kind: Any) -> str:
    """Spell a type as a caller may give it."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return spelled(parts[0])
    if origin in (Union, UnionType):
        return " | ".join(map(spelled, parts))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, parts))}]"
    if origin is tuple:
        return f"Sequence[{spelled(parts[0])}]"
    return {NoneType: "None", Path: "str | Path"}.get(kind) or kind.__name__


def stub() -> str:
    """Return the text of the stub."""
    options = []
    for name, field in Options.model_fields.items():
        kind = spelled(field.annotation) + " | Any" * (name in OBJECTS)
        default = field.default
        if get_origin(field.annotation) is Literal and default not in get_args(field.annotation):
            kind = "str"  # in any case
        shown = repr(str(default)) if isinstance(default, Path) else repr(default)
        options.append(f"{name}: {kind} = {shown},")
    doc = inspect.cleandoc(disvae.train.__doc__ or "").splitlines()[0]
    text = "\n".join([
        "def train(name: str, *, resume: bool = False, on_epoch: OnEpoch | None = None,",
        *options, f"**own_options: Any) -> Run:\n    \"\"\"{doc}\"\"\"\n",
    ])  # fmt: skip
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", STUB.name, "-"]
    done = subprocess.run(command, input=HEAD + text, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    STUB.write_text(stub())
