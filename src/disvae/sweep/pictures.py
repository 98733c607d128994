"""Plots of a sweep: scores by option and setting, their agreement, the best traversals."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import rankdata

from disvae.metrics import SCORES
from disvae.plots.figures import BLUE, GREY, new_figure, plain, write_figure, write_image
from disvae.plots.walks import traversals
from disvae.sweep import results
from disvae.sweep.record import Record
from disvae.sweep.results import Row, Setting, Spread, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = 4  # side by side
_FEWEST_RUNS = 3  # for a rank correlation
_TITLE = 16  # pixels
_FONT = 9  # points
_DOTS = 720  # an inch, by which labels are measured
# settings that a picture still shows well; of more, the best
_MOST_LINES, _MOST_VIOLINS, _MOST_TRAVERSALS = 10, 40, 24
_FEW = 8  # values of an option that are named on an axis
_LEAST = 1e-200  # variance that has an inverse
_WIDE = 10  # ratio of an option's values from which they are shown logarithmically


def draw(record: Record, rows: Sequence[Row], table: Table) -> list[Path]:
    """Draw all plots that the rows give something for; return the files."""
    scores, finished = results.scores_of(rows), list(filter(results.is_finished, rows))
    figures = {}
    if scores:
        for option in numeric_options(table):
            figures[f"scores_by_{option}.png"] = scores_by_option(table, scores, option)
        figures["violins.png"] = violins(rows, scores)
    if len(scores) > 1 and len(finished) >= _FEWEST_RUNS:
        figures["rank_correlation.png"] = rank_correlation(finished, scores)
    for name, figure in figures.items():
        write_figure(record.folder / name, figure)
    files = [record.folder / name for name in figures]
    if (page := best_traversals(record, finished, scores)) is not None:
        files.append(record.folder / "best_traversals.png")
        write_image(files[-1], page)
    return files


def scores_by_option(table: Table, scores: Sequence[str], option: str) -> "Figure":
    """Draw each score against an option: a line for what else the runs share, 95% intervals."""
    lines: dict[Setting, list[tuple[float, Mapping[str, Spread]]]] = defaultdict(list)
    for setting, found in table.items():
        given = dict(setting)
        if option in given:
            value = float(given.pop(option))
            lines[tuple(given.items())].append((value, found))
    means_of = {
        line: [{key: each.mean for key, each in found.items()} for _, found in points]
        for line, points in lines.items()
    }
    shown, chosen = _best(means_of, scores, _MOST_LINES)
    names = {line: plain(name) for line, name in _labels(shown).items()}
    legend = len(shown) > 1
    longest = max(map(_inches, names.values())) + 0.8  # with the line in front
    figure, panels = _panels(scores, 2.4, 2.2, at_least=longest if legend else 0)
    for score, panel in panels:
        for line in shown:
            points = sorted((value, found[score]) for value, found in lines[line])
            values, spreads = zip(*points, strict=True)
            means = [each.mean for each in spreads]
            panel.plot(values, means, "o-", ms=3, lw=1, label=names[line])
            low = [each.mean if each.low is None else each.low for each in spreads]
            high = [each.mean if each.high is None else each.high for each in spreads]
            panel.fill_between(values, low, high, alpha=0.15, lw=0)
        _frame(panel, sorted({value for line in shown for value, _ in lines[line]}))
        panel.set_title(score)
        panel.set_xlabel(plain(option))
    _say(figure, f"mean and {results.INTERVAL}", chosen)
    if legend:
        columns = max(1, min(len(shown), int(figure.get_figwidth() / longest)))
        figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(shown) // columns))
        handles, texts = panels[0][1].get_legend_handles_labels()
        figure.legend(
            handles, texts, loc="outside lower center", ncols=columns, frameon=False,
            fontsize=_FONT,
        )  # fmt: skip
    return figure


def _frame(panel: "Axes", values: Sequence[float]) -> None:
    """Name the values on the axis if they are few; let no wide interval flatten the lines."""
    if values[0] > 0 and values[-1] >= _WIDE * values[0]:
        panel.set_xscale("log")
    if len(values) <= _FEW:
        panel.minorticks_off()
        panel.set_xticks(values, [f"{value:g}" for value in values], rotation=30)
    means = np.concatenate([line.get_ydata() for line in panel.get_lines()])
    low, high = panel.get_ylim()
    span = np.ptp(means) or high - low
    panel.set_ylim(max(low, means.min() - span), min(high, means.max() + span))


def violins(rows: Sequence[Row], scores: Sequence[str]) -> "Figure":
    """Draw each score over the seeds of every setting: violins, with each run as a point.

    Settings without a finished run are named too.
    """
    settings = results.by_setting(rows)
    finished = {each: list(filter(results.is_finished, same)) for each, same in settings.items()}
    values_of = {setting: [row.values for row in same] for setting, same in finished.items()}
    shown, chosen = _best(values_of, scores, _MOST_VIOLINS)
    ticks = []
    for setting, name in _labels(shown).items():
        done, of = len(finished[setting]), len(settings[setting])
        ticks.append(plain(f"{name} ({done} of {of})" if done < of else name))
    margin = max(map(_inches, ticks)) + 0.2
    figure, panels = _panels(scores, 2.2, 0.5 + 0.22 * len(ticks), margin, sharey=True)
    for score, panel in panels:
        values = [[run[score] for run in values_of[setting]] for setting in shown]
        # of fewer than three, or without variance, there is no density
        spread = [place for place, v in enumerate(values) if len(v) > 2 and np.var(v) > _LEAST]
        if spread:
            shapes = panel.violinplot(
                [values[place] for place in spread], spread, orientation="horizontal",
                widths=0.8, showextrema=False,
            )  # fmt: skip
            for body in shapes["bodies"]:  # type: ignore[attr-defined]
                body.set_facecolor(BLUE)
        for place, found in enumerate(values):
            panel.plot(found, np.full(len(found), place), "k.", ms=3)
            if not found:
                panel.text(
                    0.5, place, "no run finished", transform=panel.get_yaxis_transform(),
                    color=GREY, ha="center", va="center",
                )  # fmt: skip
        panel.set_yticks(range(len(ticks)), ticks, fontsize=_FONT)
        panel.set_ylim(len(ticks) - 0.5, -0.5)
        panel.set_title(score)
    common = set.intersection(*map(set, shown))
    _say(figure, results.label(tuple(pair for pair in shown[0] if pair in common)), chosen)
    return figure


def rank_correlation(rows: Sequence[Row], scores: Sequence[str]) -> "Figure":
    """Draw Spearman's rank correlation between scores over all runs (Locatello et al. 2019)."""
    table = np.array([[row.values[score] for score in scores] for row in rows])
    size = len(scores)
    with np.errstate(invalid="ignore"):  # of a constant score there is no rank
        values = np.corrcoef(rankdata(table, axis=0).T)
    np.fill_diagonal(values, 1)
    figure, panels = new_figure([["matrix"]], 2.5 + 0.5 * size, 2 + 0.5 * size)
    panel = panels["matrix"]
    panel.imshow(values, cmap="RdBu", vmin=-1, vmax=1)
    panel.set_xticks(range(size), scores, rotation=60, ha="right")
    panel.set_yticks(range(size), scores)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    for (a, b), value in np.ndenumerate(values):
        text = "" if np.isnan(value) else f"{value:.2f}"
        ink = "white" if abs(value) > 0.6 else "black"
        panel.text(b, a, text, ha="center", va="center", color=ink)
    panel.set_title(f"rank correlation over {len(rows)} runs")
    return figure


def best_traversals(
    record: Record, rows: Sequence[Row], scores: Sequence[str]
) -> Image.Image | None:
    """Draw the prior traversals of each setting's best run, by the first score or the loss.

    None if all models are code of a user's own, which is not loaded here.
    """
    settings, key = results.by_setting(rows), _telling(scores)
    values_of = {setting: [row.values for row in same] for setting, same in settings.items()}
    shown, _ = _best(values_of, scores, _MOST_TRAVERSALS)
    names, pictures = _labels(shown), []
    for setting in shown:
        best = max(settings[setting], key=lambda row: _worth([row.values], scores))
        run = record.run(best.name)
        if results.is_foreign(run):
            continue
        title = f"{names[setting]}: {key} {best.values.get(key, np.nan):.4g}"
        pictures.append((title, traversals(run, n_rows=min(6, run.options.latent_dim))))
    return _titled(pictures) if pictures else None


def _telling(scores: Sequence[str]) -> str:
    """Return what the best are chosen by: the first score that tells something, else the loss."""
    # without factors or other runs a score tells of independence only, which noise has too
    return next((name for name in scores if name not in SCORES or SCORES[name].needs), "loss")


def _worth(runs: Sequence[Mapping[str, float]], scores: Sequence[str]) -> float:
    """Return the mean of what the best are chosen by, higher is better; -inf without runs."""
    key = _telling(scores)
    sign = -1 if key == "loss" else 1
    worth = sign * float(np.mean([run.get(key, np.nan) for run in runs])) if runs else np.nan
    return -np.inf if np.isnan(worth) else worth


def _best(
    runs: Mapping[Setting, Sequence[Mapping[str, float]]], scores: Sequence[str], most: int
) -> tuple[list[Setting], str]:
    """Return the best settings by the values of their runs, as they stand; and words for that."""
    best = set(heapq.nlargest(most, runs, key=lambda setting: _worth(runs[setting], scores)))
    words = f"the best {most} of {len(runs)} by {_telling(scores)}" if len(runs) > most else ""
    return [setting for setting in runs if setting in best], words


def _say(figure: "Figure", *parts: str) -> None:
    figure.suptitle(plain("; ".join(filter(None, parts))), fontsize="small", color=GREY)


def _labels(settings: Sequence[Setting]) -> dict[Setting, str]:
    """Name settings by what tells them apart."""
    common = set.intersection(*map(set, settings))
    own = {each: tuple(pair for pair in each if pair not in common) for each in settings}
    return {each: results.label(short or each) for each, short in own.items()}


def _inches(text: str) -> float:
    """Return how wide a label is."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    renderer: Any = RendererAgg(1, 1, _DOTS)  # type: ignore[no-untyped-call]
    font = FontProperties(size=_FONT)
    lines = text.splitlines()
    sizes = [renderer.get_text_width_height_descent(line, font, ismath=False) for line in lines]
    return max((float(width) for width, *_ in sizes), default=0.0) / _DOTS


def _titled(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Put pictures into a grid, each below its title."""
    font = ImageFont.load_default(_TITLE)
    columns = min(_PANELS, len(pictures))
    width = int(max(max(p.width, font.getlength(t)) for t, p in pictures)) + _TITLE
    height = max(picture.height for _, picture in pictures) + 2 * _TITLE
    page = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
    pen = ImageDraw.Draw(page)
    for number, (title, picture) in enumerate(pictures):
        left, top = number % columns * width, number // columns * height
        pen.text((left + width // 2, top + _TITLE), title, "black", font, anchor="mm")
        page.paste(picture, (left + (width - picture.width) // 2, top + 2 * _TITLE))
    return page


def _panels(
    scores: Sequence[str],
    width: float,
    height: float,
    margin: float = 0,
    at_least: float = 0,
    sharey: bool = False,
) -> tuple["Figure", list[tuple[str, "Axes"]]]:
    """Make a panel of `width` by `height` inches a score, with a margin on the left."""
    columns = min(_PANELS, len(scores))
    padded = [*scores, *["."] * (-len(scores) % columns)]
    mosaic = [padded[start : start + columns] for start in range(0, len(padded), columns)]
    size = max(at_least, margin + columns * width), len(mosaic) * (0.5 + height) + 0.5
    figure, panels = new_figure(mosaic, *size, sharey=sharey)
    return figure, [(score, panels[score]) for score in scores]


def numeric_options(settings: Iterable[Setting]) -> Iterator[str]:
    """Name the options that the sweep varies and whose values are numbers, several of them."""
    values: dict[str, set[str]] = defaultdict(set)
    for option, value in itertools.chain.from_iterable(settings):
        values[option].add(value)
    for option, texts in values.items():
        try:
            numbers = set(map(float, texts))
        except ValueError:
            continue
        if len(numbers) > 1 and all(map(results.is_usual, numbers)):
            yield option
