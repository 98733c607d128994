"""Pages that write themselves: `{registry} NAME` lists what the package declares of itself."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar
from unittest.mock import patch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from disvae import metrics
from disvae.cli import make_app
from disvae.objectives import OBJECTIVES, Moment, Objective
from disvae.options.experiments import NAMES, experiment_options


def commands() -> Iterator[str]:
    """Every command with every option, those of all losses too."""
    with patch("sys.argv", ["disvae"]):  # whose name stands in the lines of usage
        text = make_app(shown=tuple(OBJECTIVES)).generate_docs()
    text = text[text.index("## disvae ") :]  # before it: a title and a table of contents
    text = re.sub(r" \*\[default: (False|\(\))\]\*", "", text)  # an option that is not given
    yield re.sub(r"`[^`\n]*`|--[a-z][-\w]*", lambda found: f"`{found[0].strip('`')}`", text)


def losses() -> Iterator[str]:
    """Every loss: its formula, paper and options."""
    for name, objective in OBJECTIVES.items():
        yield f"## {name}"
        yield (inspect.getdoc(objective) or "").partition("\n\n")[0]
        yield f"{objective.paper}. {{class}}`disvae.objectives.{objective.__name__}`"
        rows = []
        for field, option in objective.option_names().items():
            known = objective.model_fields[field]
            text = next(extra for extra in known.metadata if isinstance(extra, str))
            rows.append((f"`--{option.replace('_', '-')}`", f"`{option}`", known.default, text))
        yield _table(("option", "in Python, `specs.json`", "default", "what"), rows)


def scores() -> Iterator[str]:
    """Every score: its formula, paper, what it reads, its settings."""
    for name, score in metrics.SCORES.items():
        function = score.function.__name__
        public = function if function in metrics.__all__ else name
        needs = ["codes", *sorted(score.needs)]
        yield f"## {name}"
        yield score.explanation
        yield f"```text\n{score.formula}\n```"
        yield f"{score.paper}. Reads {', '.join(needs)}. {{func}}`disvae.metrics.{public}`"
        settings = metrics.default_settings(score).items()
        yield _table(
            ("setting", "default"), ((f"`{key}`", f"`{value}`") for key, value in settings)
        )


def experiments() -> Iterator[str]:
    """Every predefined experiment with the options that it sets."""
    options = ((f"`{name}`", _options(experiment_options(name))) for name in NAMES)
    yield _table(("experiment", "options"), options)


def _options(chosen: dict[str, object]) -> str:
    words = (f"`--{key.replace('_', '-')} {value}`" for key, value in chosen.items())
    return " ".join(words) or "the defaults"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a Markdown table; nothing without rows."""
    lines = [[str(cell).replace("|", r"\|") for cell in row] for row in rows]
    titles = list(head)
    if not lines:
        return ""
    return "\n".join(f"| {' | '.join(row)} |" for row in [titles, ["---"] * len(titles), *lines])


class Registry(SphinxDirective):
    """`{registry} NAME`: one of the lists above, parsed as if it stood on the page."""

    required_arguments = 1
    lists: ClassVar = {each.__name__: each for each in (commands, losses, scores, experiments)}

    def run(self) -> list[nodes.Node]:
        """Return the list's nodes."""
        text = "\n\n".join(self.lists[self.arguments[0]]())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def _without_annotations(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Show options and settings with their defaults; types, bounds and help are in their lists."""
    is_objective = isinstance(obj, type) and issubclass(obj, Objective)
    if not is_objective and not isinstance(getattr(obj, "score", None), metrics.Score):
        return None
    signed = inspect.signature(obj)
    plain = [each.replace(annotation=each.empty) for each in signed.parameters.values()]
    return str(signed.replace(parameters=plain)), returns


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out pydantic's settings, and named tuples' fields, which their Attributes explain."""
    return True if name == "model_config" or isinstance(obj, type(Moment.step)) else None


def _add_pages(app: Sphinx, page: str, source: list[str]) -> None:
    """Let a page of docs/ that no section names stand at the end of the How-to."""
    if page != "how-to":
        return
    sections = ("index", "start", "how-to", "concepts", "reference", "findings")
    pages = {path.stem: path.read_text(encoding="utf-8") for path in app.srcdir.glob("*.md")}
    named = set(re.findall(r"[\w-]+", " ".join(pages[section] for section in sections)))
    source[0] = source[0].rstrip().removesuffix("```")
    source[0] += "\n".join([*sorted(pages.keys() - named - {"index"}), "```\n"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and what makes signatures readable."""
    app.add_directive("registry", Registry)
    app.connect("source-read", _add_pages)
    app.connect("autodoc-process-signature", _without_annotations)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
