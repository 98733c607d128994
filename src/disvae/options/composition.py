"""The record of all options of a run: its own, and those of the objectives."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from cyclopts import Group, Parameter
from pydantic import create_model

from disvae.errors import UserError
from disvae.objectives.objective import Objective
from disvae.objectives.registry import OBJECTIVES, ORIGINAL
from disvae.options.common import MODEL
from disvae.options.experiments import NAMES, experiment_options
from disvae.options.run import RunOptions
from disvae.options.user_code import UserCode, is_code, objective_class
from disvae.types import checked


def _with_losses(
    own: Mapping[str, type[Objective]], shown: Iterable[str] = ORIGINAL
) -> type[RunOptions]:
    """Return the record of all options: those of every objective, and of `own` ones by label.

    The help shows the options of `own` objectives, and of those named `shown`.
    """
    objectives = {**OBJECTIVES, **own}
    fields = {
        name: _option(Objective, name, MODEL, alias)  # type: ignore[type-abstract]
        for name, alias in (("rec_dist", "-r"), ("reg_anneal", "-a"), ("reg_schedule", None))
    }
    in_help = {*own, *shown}
    declared: dict[str, tuple[Any, ...]] = {}
    for number, (name, objective) in enumerate(objectives.items()):
        group = Group(f"{objective.title} specific parameters", sort_key=4 + number / 100)
        for field, option_name in objective.option_names().items():
            known = objective.model_fields[field]
            facts = (known.annotation, known.metadata, known.default)
            is_shared = declared.setdefault(option_name, facts) == facts  # by losses of one family
            taken = option_name in fields and not is_shared
            if taken or option_name in RunOptions.model_fields:
                raise UserError(
                    f"The loss {objective.__name__} has the option '{option_name}', which is "
                    "taken; give the class another prefix."
                )
            if option_name not in fields or name in in_help:
                fields[option_name] = _option(objective, field, group, show=name in in_help)
    made = create_model("Options", __base__=RunOptions, __module__=__name__, **fields)
    made.__doc__, made.objectives = RunOptions.__doc__, objectives
    return made


def _option(
    objective: type[Objective],
    field: str,
    group: Group,
    alias: str | None = None,
    show: bool = True,
) -> Any:
    """Turn a field of an objective into an option: its type with bounds, group and help."""
    known = objective.model_fields[field]
    if known.is_required():
        raise UserError(
            f"The option {field} of the loss {objective.__name__} has no default; give it one."
        )
    text = next((extra for extra in known.metadata if isinstance(extra, str)), "")
    bounds = [extra for extra in known.metadata if not isinstance(extra, str)]
    parameter = Parameter(alias=alias, group=group, help=text, show=show)
    return Annotated[known.annotation, *bounds, parameter], known.default


Options = _with_losses({})


def record_for(losses: Iterable[UserCode], shown: Iterable[str] = ORIGINAL) -> type[RunOptions]:
    """Return the record of options with those of the losses that the user brought.

    The help shows those, and the options of the losses `shown`. What is no objective, or an option
    that is taken, is a `UserError`.
    """
    kinds = {}
    for own in losses:
        if (kind := objective_class(own)) is None:
            raise UserError(
                f"{own.label} is no loss; it should be a subclass of disvae.objectives.Objective."
            )
        kinds[own.label] = kind
    return _with_losses(kinds, shown) if kinds or shown != ORIGINAL else Options


def resolve(given: Mapping[str, Any], code: Mapping[str, UserCode] | None = None) -> RunOptions:
    """Merge defaults, the named experiment and what the user gave, in rising precedence.

    `code` is what the user brought among them (see `taken`); without a loss that was brought
    elsewhere, its own options are left out. A bad option is a `UserError`.
    """
    experiment = given.get("experiment", "custom")
    chosen = experiment_options(experiment) if experiment in NAMES else {}
    record = record_for(own for kind, own in (code or {}).items() if kind == "loss")
    values = {**chosen, **given}
    loss = values.get("loss")
    if is_code(loss) and loss not in record.objectives:  # its options are not known here
        values = {name: value for name, value in values.items() if name in record.model_fields}
    return checked(record, values)
