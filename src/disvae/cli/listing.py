"""What commands print: the losses, the models, a table of scores."""

import inspect
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from disvae.models.registry import ARCHITECTURES
from disvae.objectives.registry import OBJECTIVES


def losses() -> None:
    """List the losses with their formulas, papers, costs and options."""
    for name, objective in OBJECTIVES.items():
        formula = (inspect.getdoc(objective) or "").partition("``")[2].partition("``")[0]
        print(f"\n{name:9} {formula}")
        print(f"{'':9} {objective.paper}.")
        print(f"{'':9} A step takes {objective.cost:.1f} times that of betaH.")
        for field, option in objective.option_names().items():
            known = objective.model_fields[field]
            text = next(extra for extra in known.metadata if isinstance(extra, str))
            print(f"{'':9} --{option.replace('_', '-')} {known.default}: {text}")


def models() -> None:
    """List the models with their papers, the sizes of images and their costs."""
    from disvae.models.registry import find

    for name, home in ARCHITECTURES.items():
        text = inspect.getdoc(import_module(home)) or ""
        known = find(name)
        sizes, costs = (
            ", ".join(f"{n:g}" for n in ns) for ns in (known.image_sizes, known.step_costs)
        )
        print(f"\n{name:9} {text.splitlines()[0]}")
        print(f"{'':9} Images of {sizes} pixels; a step takes {costs} times that of Burgess at 64.")


def further_losses(shown: Iterable[str]) -> str:
    """Say which losses there are beside those that are `shown`, each in a line."""
    lines = [f"- {name}: {each.paper}" for name, each in OBJECTIVES.items() if name not in shown]
    return "Further losses, whose options -l NAME --help shows:\n\n" + "\n".join(lines)


def print_scores(results: Mapping[str, Any], log: Path) -> None:
    """Print a line a score: value, spread over repeats, and the parts that are numbers."""
    for name, result in results.items():
        if isinstance(result, dict):
            spread = f"± {result['std']:.4f}" if result["std"] else ""
            parts = ((part, _number(value)) for part, value in result["parts"].items())
            shown = [f"{part.replace('_', ' ')} {n:.4f}" for part, n in parts if n is not None]
            print(f"{name:24} {result['value']:8.4f} {spread:9} {', '.join(shown)}".rstrip())
    print(f"The scores are in {log}")


def _number(part: object) -> float | None:
    """Return a part that is a number, or the mean of an estimate."""
    value = part.get("mean") if isinstance(part, dict) else part
    return float(value) if isinstance(value, int | float) else None
