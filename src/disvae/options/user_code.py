"""Code of the user's own in place of a name: ``FILE.py:NAME``, or the object itself.

The one place where such files are imported. It is called for what a person typed in this very
command, and for what was passed to a Python function; never for what a file of a run, a sweep
or anyone else says. Files keep a label and a hash, as plain text.
"""

import hashlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from disvae.errors import UserError

KINDS = ("loss", "model_type", "dataset")  # options that take code


class UserCode(NamedTuple):
    """What a person brought in place of a name.

    Attributes
    ----------
    value
        The object.
    label
        How files and messages call it: ``my_loss.py:MyLoss``, without folders.
    sha256
        Of the file that it stands in, else of its source; empty if that is not to be had.
    typed
        ``FILE.py:NAME`` with its absolute path, for other processes of the same command; empty
        if it was passed as an object.
    """

    value: Any
    label: str
    sha256: str
    typed: str = ""

    @property
    def record(self) -> dict[str, str]:
        """What ``specs.json`` keeps of it."""
        return {"name": self.label, "sha256": self.sha256}


def is_code(text: object) -> bool:
    """Whether `text` has the form ``FILE.py:NAME``, or is the label of such code."""
    return (
        isinstance(text, str)
        and re.fullmatch(r"[^\0]{1,4000}\.py:[^\W\d]\w{0,199}", text) is not None
    )


def forgotten(option: str, label: str) -> UserError:
    """Return the fault of code that was not given again."""
    short = {"loss": "-l", "model_type": "-m", "dataset": "-d"}[option]
    return UserError(
        f"The {option.replace('_', ' ')} {label} is code of your own, which is never loaded "
        f"unasked; give its file again: {short} {label} (in Python, {option}=...)."
    )


def load(text: str) -> UserCode:
    """Import ``FILE.py:NAME``; a file that did not change is imported once.

    Raises
    ------
    UserError
        If there is no such file, it cannot be imported, or has no such name.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UserError(f"There is no file {file}; name code of your own as FILE.py:NAME.")
    digest = _digest(path.read_bytes())
    module = _imported(path, f"disvae_user_{path.stem}_{digest[:16]}")
    if not hasattr(module, name):
        raise UserError(f"{file} has no {name}; name what it defines, as {file}:NAME.")
    typed = f"{path.absolute()}:{name}"
    return UserCode(getattr(module, name), f"{path.name}:{name}", digest, typed)


def brought(given: Mapping[str, Any]) -> dict[str, UserCode]:
    """Take what a person gave in place of names: typed as ``FILE.py:NAME``, or as objects.

    Parameters
    ----------
    given
        Options as the person gave them.

    Returns
    -------
    dict
        Option to what it brought, only where it did.
    """
    found = {}
    for option in KINDS:
        value = given.get(option)
        if is_code(value):
            found[option] = load(str(value))
        elif not isinstance(value, str | Path | None):
            found[option] = _described(value)
    return found


def among(options: Mapping[str, Any], known: Mapping[str, UserCode]) -> dict[str, UserCode]:
    """Return what `options` name, by its label, of the code that is `known`."""
    return {kind: known[options[kind]] for kind in KINDS if options.get(kind) in known}


def _imported(path: Path, module_name: str) -> Any:
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None  # noqa: S101 - a .py file has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # its own classes look their names up there
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[module_name]
        if not isinstance(error, Exception | SystemExit):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} cannot be imported{_line(error, path)}: {type(error).__name__}: {reason}."
        ) from None
    return module


def _line(error: BaseException, path: Path) -> str:
    """Say in which line of the file it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.absolute()]
    return f" (line {lines[-1]})" if lines else ""


def _described(value: Any) -> UserCode:
    """Describe an object that was passed, by where it or what it is made of is defined."""
    named = isinstance(value, type) or inspect.isfunction(value)
    kind = value if named else type(value)
    parts = (getattr(value, part, None) for part in ("encoder", "write"))  # of a model, a dataset
    made = next(filter(None, parts), kind)
    name = kind.__name__ if named else getattr(value, "name", kind.__name__)
    file = Path(getattr(inspect.getmodule(made), "__file__", None) or "")
    if file.is_file():
        return UserCode(value, f"{file.stem}.py:{name}", _digest(file.read_bytes()))
    try:
        source = inspect.getsource(made)
    except (OSError, TypeError):  # typed at a prompt
        return UserCode(value, f"prompt.py:{name}", "")
    return UserCode(value, f"notebook.py:{name}", _digest(source.encode()))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
