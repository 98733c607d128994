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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from disvae.data.catalogue.registry import CATALOG
from disvae.errors import UserError
from disvae.models.registry import ARCHITECTURES, find
from disvae.objectives.objective import Objective
from disvae.objectives.registry import OBJECTIVES

KINDS = ("loss", "model_type", "dataset")  # options that take code
_FORM = re.compile(r"[^\0]{1,4000}\.py:[^\W\d]\w{0,199}")


class UserCode(NamedTuple):
    """What a person brought in place of a name: an object."""

    value: Any
    label: str  # how files and messages call it: my_loss.py:MyLoss, without folders
    sha256: str  # of the file that it stands in, else of its source; empty without either
    typed: str = ""  # with its absolute path, for other processes; empty: passed as an object

    @property
    def record(self) -> dict[str, str]:
        """What ``specs.json`` keeps of it."""
        return {"name": self.label, "sha256": self.sha256}


Code = Mapping[str, UserCode]  # of the user's own: by the option it stands for, or by its label


def is_code(text: object) -> bool:
    """Whether `text` has the form ``FILE.py:NAME``, or is the label of such code."""
    return isinstance(text, str) and _FORM.fullmatch(text) is not None


def forgotten(option: str, label: str) -> UserError:
    """Return the fault of code that was not given again."""
    short = {"loss": "-l", "model_type": "-m", "dataset": "-d"}[option]
    return UserError(
        f"The {option.replace('_', ' ')} {label} is code of your own, which is never loaded "
        f"unasked; give its file again: {short} {label} (in Python, {option}=...)."
    )


def load(text: str) -> UserCode:
    """Import ``FILE.py:NAME``; a file that did not change is imported once."""
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


def load_scores(names: Iterable[str]) -> list[Any]:
    """Replace each ``FILE.py:NAME`` among names of scores by what it names."""
    return [load(name).value if is_code(name) else name for name in names]


def taken_trackers(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, UserCode]]:
    """Replace the trackers that a person brought by their labels; return them by these."""
    value = given.get("tracker", ())
    listed = value.split(",") if isinstance(value, str) else value
    listed = list(listed) if isinstance(listed, list | tuple) else [listed]
    code = {}
    for place, one in enumerate(listed):
        if is_code(one) or not isinstance(one, str):
            own = load(one.strip()) if isinstance(one, str) else _described(one)
            code[own.label], listed[place] = own, own.label
    return ({**given, "tracker": tuple(listed)} if "tracker" in given else dict(given)), code


def brought(given: Mapping[str, Any]) -> dict[str, UserCode]:
    """Take what a person gave in place of names, by option: typed, or passed as objects."""
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


def objective_class(own: UserCode) -> type[Objective] | None:
    """Return the class of the objective that the user brought, or made; None if it is none."""
    kind = own.value if isinstance(own.value, type) else type(own.value)
    return kind if issubclass(kind, Objective) else None


def architecture(model_type: str, code: Mapping[str, UserCode]) -> Any:
    """Return what the model is made by: the name of an architecture, or what the user brought."""
    if "model_type" in code:
        return code["model_type"].value
    if is_code(model_type):
        raise forgotten("model_type", model_type)
    return model_type


def taken(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, UserCode]]:
    """Part what a person gave into options of plain text and numbers, and code of their own.

    An objective stands for its name and for the options that it was made with; those that are
    given beside it win.
    """
    code, plain = brought(given), dict(given)
    for option, own in list(code.items()):
        plain[option] = own.label
        name = str(getattr(own.value, "name", ""))
        if not own.typed and name in _registered(option, own.value):
            plain[option] = name
            del code[option]
        if isinstance(own.value, Objective):
            names = {field: field for field in Objective.model_fields} | own.value.option_names()
            made = {names[field]: getattr(own.value, field) for field in own.value.model_fields_set}
            plain = made | plain
    return plain, code


def _registered(option: str, value: Any) -> Iterable[str]:
    """Name what is `value` in the registry of that option: then its name says it all."""
    if option == "loss":
        return [name for name, kind in OBJECTIVES.items() if kind in (value, type(value))]
    if option == "model_type":
        return [name for name in ARCHITECTURES if find(name) is value]
    return [name for name in CATALOG if CATALOG[name] is value]


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
