"""All objectives by name; importing them needs no PyTorch."""

from importlib import import_module

from disvae.objectives.objective import Objective

_MODULES = ("beta_vae", "capacity", "factor_vae", "tc_vae", "dip_vae")  # one file a paper


def _declared_in(module: str) -> list[type[Objective]]:
    home = f"disvae.objectives.{module}"
    members = vars(import_module(home)).values()
    return [
        member
        for member in members
        if isinstance(member, type) and issubclass(member, Objective) and member.__module__ == home
    ]


OBJECTIVES: dict[str, type[Objective]] = {
    objective.name: objective for module in _MODULES for objective in _declared_in(module)
}
