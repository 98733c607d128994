"""Figures with axes: curves, latents, matrices."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

import disvae
from disvae import plots
from disvae.errors import UserError


def panels_of(figure):
    return {panel.get_title(): panel for panel in figure.axes if panel.lines}


def test_losses_have_a_panel_a_term_and_log_scale_where_it_helps(colour):
    panels = panels_of(plots.losses.figure(colour))
    assert list(panels)[:2] == ["reconstruction", "KL"]
    line = panels["reconstruction"].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(line.get_ydata(), [300, 150, 7.5])
    assert panels["reconstruction"].get_yscale() == "log"
    assert panels["KL"].get_yscale() == "linear"


def test_losses_show_the_kl_of_each_latent_largest_first(painted):
    (panel,) = (panel for panel in plots.losses.figure(painted).axes if panel.get_legend())
    names = [text.get_text() for text in panel.get_legend().get_texts()]
    assert names == ["z1", "z3", "z0", "z2"]
    last = {line.get_label(): line.get_ydata()[-1] for line in panel.lines}
    assert last == {"z0": 0.5, "z1": 3.0, "z2": 0.1, "z3": 2.0}


def test_all_terms_of_a_run_are_drawn(trained):
    titles = list(panels_of(plots.losses.figure(trained)))
    assert titles[:6] == [
        "loss", "reconstruction", "KL", "index-code MI", "total correlation", "dimension-wise KL",
    ]  # fmt: skip
    assert plots.losses(trained).mode == "RGB"


def test_latents_show_kl_as_bars_and_means_on_the_prior(painted, data_dir):
    figure = plots.latents.figure(painted, seed=0)
    bars, histograms = figure.axes[0::2], figure.axes[1::2]
    assert [bar.get_yticklabels()[0].get_text() for bar in bars] == ["z1", "z3", "z0", "z2"]
    assert [bar.patches[0].get_width() for bar in bars] == [3.0, 2.0, 0.5, 0.1]
    images = disvae.load_dataset("mnist", data_dir).images(slice(None)) / 255
    means = -3 + 4 * images.mean((1, 2, 3))  # of every latent, as Painter has it
    for histogram in histograms:
        area = sum(patch.get_height() * patch.get_width() for patch in histogram.patches)
        centre = sum(
            patch.get_height() * patch.get_width() * (patch.get_x() + patch.get_width() / 2)
            for patch in histogram.patches
        )
        assert area == pytest.approx(1)
        assert centre == pytest.approx(float(means.mean()), abs=0.05)
        prior = histogram.lines[0]
        assert prior.get_ydata().max() == pytest.approx(0.399, abs=1e-3)


def test_without_a_log_losses_are_refused_in_one_sentence(trained, tmp_path):
    copy = disvae.open_run(shutil.copytree(trained.path, tmp_path / "copy"))
    (copy.path / "train_losses.log").write_text("Epoch,Loss,Value\n")
    with pytest.raises(UserError, match="holds no epoch yet"):
        plots.losses(copy)
    (copy.path / "train_losses.log").unlink()
    with pytest.raises(UserError, match=r"has no train_losses\.log; train the run first"):
        plots.losses(copy)


def test_a_matrix_has_the_darkest_cell_where_its_value_is_largest():
    values = np.zeros((2, 3))
    values[1, 2] = 1.0
    given = np.asarray(plots.matrix(values, ["scale", "posX"]).convert("L")).astype(int)
    ordered = plots.matrix(values, ["scale", "posX"], kl=np.array([0.0, 1.0, 9.0]))
    ordered = np.asarray(ordered.convert("L")).astype(int)
    assert given.shape == ordered.shape
    # the colour bar at the right has dark pixels too: look left of it
    dark = [
        np.argwhere(pixels[:, : int(0.75 * pixels.shape[1])] < 60) for pixels in (given, ordered)
    ]
    n_rows, n_cols = given.shape
    assert dark[0].mean(0)[1] > 0.5 * n_cols > 0.4 * n_cols > dark[1].mean(0)[1]  # z2 came first
    assert dark[0].mean(0)[0] > 0.45 * n_rows  # in the second row


@pytest.mark.parametrize(
    ("shape", "names", "kl"),
    [((2, 3), ["a"], None), ((3,), ["a", "b", "c"], None), ((1, 2), ["a"], np.zeros(3))],
)
def test_a_matrix_that_does_not_fit_its_names_is_refused(shape, names, kl):
    with pytest.raises(UserError, match="matrix"):
        plots.matrix(np.zeros(shape), names, kl)


def test_a_notebook_shows_a_run_with_its_traversals(trained, tmp_path):
    shown = trained._repr_html_()
    assert "<b>trained</b>: btcvae on mnist" in shown
    assert "recon_loss" in shown
    assert "data:image/png;base64,iVBORw0KGgo" in shown
    copy = disvae.open_run(shutil.copytree(trained.path, tmp_path / "copy"))
    (copy.path / "model.pt").unlink()
    assert copy._repr_html_() is None  # its text is shown


def test_a_notebook_needs_nothing_but_the_run(trained):
    code = f"import disvae; print(disvae.open_run({str(trained.path)!r})._repr_html_())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "<b>trained</b>" in shown.stdout


def test_scores_while_training_have_a_panel(trained, tmp_path):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    without = plots.losses.figure(run)
    run.write_log("train_metrics.log", {0: {"mig": 0.1, "sap": 0.2}, 1: {"mig": 0.3}})
    figure = plots.losses.figure(run)
    assert len(figure.axes) == len(without.axes) + 1
    drawn = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[-1].lines}
    assert drawn == {"mig": [[1, 0.1], [2, 0.3]], "sap": [[1, 0.2]]}


def test_losses_of_held_out_images_stand_beside_those_of_training(trained, tmp_path):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    before = panels_of(plots.losses.figure(run))
    assert all(len(panel.lines) == 1 for title, panel in before.items() if title)
    run.write_log(
        "val_losses.log", dict(enumerate([{"loss": 90.0, "recon_loss": 70.0}, {"loss": 3.0}]))
    )
    panels = panels_of(plots.losses.figure(run))
    training, validation = panels["loss"].lines
    np.testing.assert_array_equal(training.get_ydata(), run.losses["loss"])
    np.testing.assert_array_equal(validation.get_xydata(), [[1, 90], [2, 3]])
    assert panels["loss"].get_yscale() == "log"  # for both
    assert panels["loss"].get_xlim() == (0.5, 2.5)
    assert [text.get_text() for text in panels["loss"].get_legend().get_texts()] == [
        "training", "validation",
    ]  # fmt: skip
    assert len(panels["reconstruction"].lines) == 2
    assert len(panels["KL"].lines) == 1


def test_names_of_terms_are_never_mathematics(trained, tmp_path):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "$x$ run"))
    strange = {r"$\x{y}$": 1.0, r"kl_loss_$\frac{$": 2.0, "<b>&": 3.0}
    run.write_log("train_losses.log", dict(enumerate([strange, strange])))
    run.write_log("train_metrics.log", {0: {r"$\y{$": 0.5}})
    assert plots.losses(run).mode == "RGB"


def test_a_log_of_thousands_of_terms_is_one_page(trained, tmp_path):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    run.write_log("train_losses.log", dict(enumerate([{f"term{k}": 1.0 for k in range(3000)}] * 2)))
    figure = plots.losses.figure(run)
    assert len(figure.axes) == 30
    assert "30 of 3,000 terms" in figure.get_suptitle()


def test_values_that_no_training_logs_are_damage(trained, tmp_path):
    run = disvae.open_run(shutil.copytree(trained.path, tmp_path / "run"))
    (run.path / "train_losses.log").write_text("Epoch,Loss,Value\n0,loss,1e308\n1,loss,-1e308\n")
    with pytest.raises(UserError, match=r"train_losses\.log is damaged"):
        plots.losses(run)
