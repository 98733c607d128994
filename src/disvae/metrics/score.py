"""A score, and how it says beside its function what it is."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, NamedTuple, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from disvae.errors import UserError

Need = Literal["logvar", "factors", "runs"]
F = TypeVar("F", bound=Callable[..., Any])

_READS: dict[str, tuple[frozenset[Need], str]] = {  # argument of a score: what it needs, and is
    "codes": (frozenset(), "Codes, one row per image."),
    "mean": (frozenset(), "Posterior means, one row per image."),
    "logvar": (frozenset({"logvar"}), "Posterior log variances, one row per image."),
    "factors": (frozenset({"factors"}), "True factors, one row per image, in any order."),
    "factor_names": (frozenset({"factors"}), "One name a factor."),
}


class Matrix(NamedTuple):
    """A matrix of factors and codes among a score's parts, which is drawn beside the log."""

    part: str  # its name among the parts
    file: str  # the picture's
    title: str  # what the values are, and their unit
    codes_first: bool = False  # whether codes, not factors, are its rows


@dataclass(frozen=True)
class Score:
    """One score; `declare` and `as_score` make them.

    Positional arguments of `function` are parts of `Codes` by name (``mean`` or ``codes``,
    ``logvar``, ``factors``, ``factor_names``); keyword-only ones are settings. It returns a
    number, or a record whose first field is the headline; the fields are kept as the score's
    parts, except a headline that is called ``value``. In the formula z_j are the codes, v_k the
    factors, I is mutual information, H entropy, I_(1) and I_(2) are the largest and the second.
    """

    name: str  # what users call it, and its key in results
    function: Callable[..., Any]
    needs: frozenset[Need]  # beyond the codes; "runs": codes of several runs
    explanation: str  # one line
    paper: str = ""  # author and year
    formula: str = ""  # of the headline, in plain text
    headline: str = ""  # key under which it also stands on top of the results, if any
    bounds: tuple[float, float] | None = None  # of every value, where that is known
    matrix: Matrix | None = None  # which of its parts is drawn

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The keyword settings of the function."""
        return _arguments(self.function)[1]

    @property
    def keys(self) -> list[str]:
        """Under which its results stand."""
        return [self.name, self.headline] if self.headline else [self.name]

    def settle(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings: those `given`, which their types check, over the defaults."""
        known = self.settings
        settled = {name: each.default for name, each in known.items()}
        for name, value in given.items():
            if name not in known:
                listed = ", ".join(known) or "none"
                raise UserError(f"{self.name} has no setting {name!r}; its settings are: {listed}.")
            kind, default = known[name].annotation, known[name].default
            try:
                expected_type = type(default) if kind is known[name].empty else kind
                settled[name] = TypeAdapter(expected_type).validate_python(value)
            except ValidationError as error:
                why = error.errors()[0]["msg"].replace("Input should be", "it should be")
                raise UserError(f"{value!r} cannot be {name} of {self.name}: {why}.") from None
        return settled

    def __call__(self, table: object, **settings: Any) -> Any:
        """Compute the score of a table of codes."""
        reads = _arguments(self.function)[0]
        return self.function(*(getattr(table, name) for name in reads), **settings)


def declare(
    name: str,
    paper: str,
    *,
    formula: str,
    needs: frozenset[Need] | None = None,
    headline: str = "",
    bounds: tuple[float, float] | None = (0, 1),
    matrix: Matrix | None = None,
) -> Callable[[F], F]:
    """Declare the function below to be a score; see `Score` for the arguments.

    `needs` follows from the function's arguments, unless it compares runs. The explanation is
    the first line of its docstring, to which what it reads, its settings and its errors are added.
    The settings' types have their help and their bounds, which are checked.
    """

    def record(function: F) -> F:
        read = _needs(name, function) if needs is None else needs
        explanation = _first_line(function)
        function.__doc__ = _documented(function, "factors" in read)
        score = Score(name, function, read, explanation, paper, formula, headline, bounds, matrix)

        @wraps(function)
        def checked(*reads: Any, **given: Any) -> Any:
            settings = {key: value for key, value in given.items() if key in score.settings}
            return function(*reads, **{**given, **score.settle(settings)})

        checked.score = score  # type: ignore[attr-defined]
        return cast("F", checked)

    return record


def as_score(given: Score | Callable[..., Any]) -> Score:
    """Return a function as a score: what it declared, else what its name and docstring say.

    `given` is a score, or a function as `Score` describes it, such as
    ``def my_score(mean, factors) -> float``. A `UserError` says if it is no function, its name is
    no word, codes do not have an argument, or a setting has no default.
    """
    if isinstance(given, Score):
        return given
    if not callable(given):
        raise UserError(f"A score is a name or a function, but {given!r} is neither.")
    declared = getattr(given, "score", None)
    if isinstance(declared, Score):
        return declared
    name = getattr(given, "__name__", type(given).__name__)
    if not re.fullmatch(r"\w+", name):
        raise UserError(f"A score is called by its function's name, but {name} is no word.")
    return Score(name, given, _needs(name, given), _first_line(given))


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "Without a docstring.").splitlines()[0]


def _documented(function: Callable[..., Any], reads_factors: bool) -> str:
    """Add to a docstring the sections that those of all scores have alike."""
    parameters = "Parameters\n----------"
    for name, each in inspect.signature(function).parameters.items():
        texts = [t for t in getattr(each.annotation, "__metadata__", ()) if isinstance(t, str)]
        parameters += f"\n{name}\n    {texts[-1] if texts else _READS[name][1]}"
    one_value = "a factor with one value, " if reads_factors else ""
    faults = f"Raises\n------\nUserError\n    Bad arrays, {one_value}a setting out of bounds."
    about, returns, what = (inspect.getdoc(function) or "").partition("\n\nReturns\n---")
    return f"{about}\n\n{parameters}{returns}{what}\n\n{faults}"


def _needs(name: str, function: Callable[..., Any]) -> frozenset[Need]:
    """Tell from a function's arguments what it reads of the codes."""
    reads, settings = _arguments(function)
    for each in settings.values():
        if each.default is each.empty:
            raise UserError(f"{each.name}, a setting of the score {name}, needs a default.")
    for each in reads.values():
        if each.name not in _READS or each.kind is each.VAR_POSITIONAL:
            raise UserError(
                f"The score {name} asks for {each.name!r}, but its arguments can be "
                f"{', '.join(_READS)}; settings stand behind a * and have defaults."
            )
    return frozenset().union(*(_READS[each][0] for each in reads))


def _arguments(function: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], ...]:
    """Part what a function reads from its settings."""
    found = inspect.signature(function).parameters
    settings = {name: each for name, each in found.items() if each.kind is each.KEYWORD_ONLY}
    return {name: each for name, each in found.items() if name not in settings}, settings
