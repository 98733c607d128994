"""Plots of a sweep: scores by option and setting, their agreement, the best traversals."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import spearmanr

from disvae.metrics import SCORES
from disvae.plots.figures import BLUE, new_figure, write_figure
from disvae.plots.traversals import traversals
from disvae.storage.files import replacing
from disvae.sweep.record import Record
from disvae.sweep.results import Row, Setting, label, scores_of, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = 4  # side by side
_FEWEST_RUNS = 3  # for a rank correlation
_TITLE = 16  # pixels


def draw(record: Record, rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw all plots that the rows give something for; return the files."""
    scores = scores_of(rows)
    files = []
    if scores:
        for option in _numeric_options(rows):
            files.append(folder / f"scores_by_{option}.png")
            write_figure(files[-1], scores_by_option(rows, scores, option))
        files.append(folder / "violins.png")
        write_figure(files[-1], violins(rows, scores))
    if len(scores) > 1 and len(rows) >= _FEWEST_RUNS:
        files.append(folder / "rank_correlation.png")
        write_figure(files[-1], rank_correlation(rows, scores))
    files.append(folder / "best_traversals.png")
    with replacing(files[-1]) as temporary:
        best_traversals(record, rows, scores).save(temporary, format="PNG")
    return files


def scores_by_option(rows: Sequence[Row], scores: Sequence[str], option: str) -> "Figure":
    """Draw each score against an option: a line for what else the runs share, 95% intervals."""
    lines: dict[str, dict[float, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        setting = dict(row.setting)
        if option in setting:
            value = float(setting.pop(option))
            lines[label(tuple(setting.items()))][value].append(row)
    figure, panels = _panels(scores)
    for score, panel in panels:
        for name, points in lines.items():
            values = sorted(points)
            found = [spread([row.values[score] for row in points[value]]) for value in values]
            means = np.array([each.mean for each in found])
            panel.plot(values, means, "o-", ms=3, lw=1, label=name)
            low = [each.mean if each.low is None else each.low for each in found]
            high = [each.mean if each.high is None else each.high for each in found]
            panel.fill_between(values, low, high, alpha=0.2)
        panel.set_title(score)
        panel.set_xlabel(option)
    if len(lines) > 1:
        figure.legend(
            *panels[0][1].get_legend_handles_labels(), loc="outside lower center", ncols=3
        )
    return figure


def violins(rows: Sequence[Row], scores: Sequence[str]) -> "Figure":
    """Draw each score over the seeds of every setting: violins, with each run as a point."""
    settings = _by_setting(rows)
    names = [label(setting) for setting in settings]
    figure, panels = _panels(scores, 0.25 * len(names), max(map(len, names)) * 0.05)
    for score, panel in panels:
        for place, same in enumerate(settings.values()):
            values = [row.values[score] for row in same]
            if len(values) > 2 and np.ptp(values) > 0:  # of fewer there is no density
                shapes = panel.violinplot([values], [place], orientation="horizontal", widths=0.8)
                for body in shapes["bodies"]:  # type: ignore[attr-defined]
                    body.set_facecolor(BLUE)
            panel.plot(values, np.full(len(values), place), "k.", ms=3)
        panel.set_yticks(range(len(names)), names)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_title(score)
    return figure


def rank_correlation(rows: Sequence[Row], scores: Sequence[str]) -> "Figure":
    """Draw Spearman's rank correlation between scores over all runs (Locatello et al. 2019)."""
    table = np.array([[row.values[score] for score in scores] for row in rows])
    size = len(scores)
    values = np.eye(size)
    for a, b in itertools.combinations(range(size), 2):
        if np.ptp(table[:, a]) and np.ptp(table[:, b]):  # of a constant score there is no rank
            values[a, b] = values[b, a] = spearmanr(table[:, a], table[:, b]).statistic
        else:
            values[a, b] = values[b, a] = np.nan
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


def best_traversals(record: Record, rows: Sequence[Row], scores: Sequence[str]) -> Image.Image:
    """Draw the prior traversals of each setting's best run, by the first score or the loss."""
    # without factors or other runs a score tells of independence only, which noise has too
    telling = next((score for score in scores if SCORES[score].needs), None)
    pictures = []
    for setting, same in _by_setting(rows).items():
        if telling:
            best = max(same, key=lambda row: row.values.get(telling, -math.inf))
            title = f"{label(setting)}: {telling} {best.values.get(telling, math.nan):.3f}"
        else:
            best = min(same, key=lambda row: row.values.get("loss", math.inf))
            title = f"{label(setting)}: loss {best.values.get('loss', math.nan):.2f}"
        run = record.run(best.name)
        pictures.append((title, traversals(run, n_rows=min(6, run.options.latent_dim))))
    return _titled(pictures)


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
    scores: Sequence[str], height: float = 2.2, margin: float = 0
) -> tuple["Figure", list[tuple[str, "Axes"]]]:
    columns = min(_PANELS, len(scores))
    padded = [*scores, *["."] * (-len(scores) % columns)]
    mosaic = [padded[start : start + columns] for start in range(0, len(padded), columns)]
    size = (columns * (2.4 + margin), len(mosaic) * (0.8 + max(height, 1)) + 0.5)
    figure, panels = new_figure(mosaic, *size)
    return figure, [(score, panels[score]) for score in scores]


def _by_setting(rows: Sequence[Row]) -> dict[Setting, list[Row]]:
    found: dict[Setting, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.setting].append(row)
    return found


def _numeric_options(rows: Sequence[Row]) -> Iterator[str]:
    """Name the options that the sweep varies and whose values are numbers."""
    for option in dict.fromkeys(option for row in rows for option, _ in row.setting):
        values = [dict(row.setting)[option] for row in rows if option in dict(row.setting)]
        try:
            list(map(float, values))
        except ValueError:
            continue
        yield option
