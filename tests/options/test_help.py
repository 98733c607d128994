"""The help of all commands against that of the first release, but for what is declared here."""

import re
from pathlib import Path

import pytest

from disvae.cli import main
from disvae.objectives.registry import OBJECTIVES, ORIGINAL

BEFORE = Path(__file__).with_name("help.txt")
# a line that changed: command, as it was (empty: it is new), as it is
CHANGED = [
    (
        "",
        "",
        "decode Decode codes by a trained model, and draw the images line by line.",
    ),
    (
        "",
        "",
        "encode Encode the images of a trained model: posteriors and factors, as disvae score "
        "reads them.",
    ),
    *(
        (
            command,
            "",
            "--bin-factors STR... Continuous factors to cut into so many bins first, as "
            "angle=20,size=10. [default: ()]",
        )
        for command in ("eval", "score", "sweep")
    ),
    (
        "data prepare",
        "* NAMES Names of datasets, as list shows them; or a folder or .npz file of own images. "
        "[required]",
        "* NAMES Names of datasets, as list shows them; or a folder, .npz or .npy file of own "
        "images. [required]",
    ),
    (
        "data prepare",
        "",
        "--fit CHOICE How own images become squares, as for train. [choices: stretch, crop, pad] "
        "[default: stretch]",
    ),
    *(
        (
            f"data {command}",
            "* NAME Name of a dataset, or the folder of a prepared one, as list shows it. "
            "[required]",
            "* NAME Name of a dataset as list shows it, or the folder of a prepared one. "
            "[required]",
        )
        for command in ("info", "remove")
    ),
    (
        "plot",
        "--format CHOICE Of losses and latents. [choices: png, pdf, svg] [default: png]",
        "--format CHOICE Of pictures png, pdf or svg, of films gif or webp; plots of the other "
        "kind keep their default, png or gif. [choices: png, pdf, svg, gif, webp]",
    ),
    ("plot", "", "--title STR Title above each picture, in place of its own if it has one."),
    (
        "plot",
        "",
        "--dpi INT Pixels per inch: the resolution of diagrams, the size of images in print. "
        "[default: 150]",
    ),
    (
        "train",
        "",
        "--fit CHOICE How own images become squares: stretched, cropped to the middle, or padded. "
        "[choices: stretch, crop, pad] [default: stretch]",
    ),
    (
        "plot",
        "reconstructions, then n-rows traversals. gif-traversals: moving posterior "
        "traversals, a row a latent, a column an image. losses: the terms over the epochs. "
        "latents: the KL of each latent, and its means against the prior. all: every plot. "
        "[choices: generate-samples, data-samples, reconstruct, traversals, reconstruct-"
        "traverse, gif-traversals, losses, latents, all]",
        "reconstructions, then n-rows traversals. gif-traversals: moving posterior "
        "traversals, a row per latent, a column per image. losses: the terms over the epochs. "
        "latents: the KL of each latent, and its means against the prior. all: every plot. "
        "[choices: generate-samples, data-samples, reconstruct, traversals, reconstruct-"
        "traverse, gif-traversals, losses, latents, all]",
    ),
    (
        "train",
        "--checkpoint-every INT Save a checkpoint of the trained model every n epoch. "
        "[default: 30]",
        "--checkpoint-every INT Save a checkpoint of the trained model every n epochs. "
        "[default: 30]",
    ),
    *(
        (
            command,
            "--no-cuda Disables CUDA training, even when have one. [default: False]",
            "--no-cuda Disables CUDA training, even where there is a GPU. [default: False]",
        )
        for command in ("train", "eval")
    ),
    (
        "sweep",
        "--seeds INT Runs of each setting, with the seeds 1, 2, ... [default: 1]",
        "--seeds INT Runs of each setting, with the seeds 1, 2, ...; --grid seed=7,9 names them. "
        "[default: 1]",
    ),
    ("sweep", "", "--dry-run Only say what would run, and what it may take. [default: False]"),
    ("summary", "", "Scores"),
    (
        "summary",
        "",
        "--udr Compute UDR of more than 100 runs too; each is encoded, in about a second. "
        "[default: False]",
    ),
    (
        "summary",
        "--results-dir PATH Folder that holds sweeps. [default: results]",
        "--results-dir PATH Folder that holds the runs. [default: results]",
    ),
    (
        "train",
        "--loss -l CHOICE Type of VAE loss function to use. [choices: VAE, betaH, betaB, factor, "
        "btcvae] [default: betaB]",
        "--loss -l CHOICE|STR Type of VAE loss function to use, or FILE.py:NAME. [choices: VAE, "
        "betaH, betaB, factor, btcvae, dip1, dip2, infovae, control, hfs, hfstc, gvae, mlvae, "
        "adagvae, adamlvae] [default: betaB]",
    ),
    (
        "train",
        "--rec-dist -r CHOICE Form of the likelihood to use for each pixel. [choices: bernoulli, "
        "laplace, gaussian] [default: bernoulli]",
        "--rec-dist -r CHOICE Form of the likelihood to use for each pixel. [choices: bernoulli, "
        "laplace, gaussian, gaussian_optimal, gaussian_learned] [default: bernoulli]",
    ),
    (
        "train",
        "",
        "--reg-schedule CHOICE Whether --reg-anneal rises once, or again and again: so many steps "
        "up, as many at full. [choices: linear, cyclical] [default: linear]",
    ),
    (
        "train",
        "",
        "--correlate STR Draw images so that factors are correlated, as posX:posY:0.1, with the "
        "standard deviation of their distance, each from 0 to 1; several with & between, all for "
        "every other factor.",
    ),
    (
        "train",
        "",
        "--hold-out STR Train without the images for which all conditions hold, as 'shape=0 & "
        "posX>0.5' (a whole number: the value's, from 0; with a point: its place from 0 to 1), or "
        "without a named part of the dataset, as montero_range.",
    ),
    # of a line that was as long as all names of experiments
    (
        "train",
        "--experiment -x CHOICE Predefined experiment to run. If not custom it sets several other "
        "options; those that you type win. [choices: custom, debug, best_celeba, best_dsprites, "
        "VAE_mnist, VAE_fashion, VAE_dsprites, VAE_celeba, VAE_chairs, betaH_mnist, "
        "betaH_fashion, betaH_dsprites, betaH_celeba, betaH_chairs, betaB_mnist, betaB_fashion, "
        "betaB_dsprites, betaB_celeba, betaB_chairs,",
        "--experiment -x CHOICE Predefined experiment to run, as LOSS_DATASET; disvae experiments "
        "lists all. If not custom it sets several other options; those that you type win. "
        "[default: custom]",
    ),
    (
        "train",
        "factor_mnist, factor_fashion, factor_dsprites, factor_celeba, factor_chairs, "
        "btcvae_mnist, btcvae_fashion, btcvae_dsprites, btcvae_celeba, btcvae_chairs] "
        "[default: custom]",
        "",
    ),
    *(
        ("train", "", line)
        for line in (
            "Further losses, whose options -l NAME --help shows:",
            *(
                f"• {name}: {kind.paper}"
                for name, kind in OBJECTIVES.items()
                if name not in ORIGINAL
            ),
        )
    ),
    ("", "", "losses List the losses with their formulas, papers, costs and options."),
    ("", "", "runs List, archive, remove and rename runs."),
    (
        "",
        "",
        "models List the models with their papers, the sizes of images and their costs.",
    ),
    (
        "train",
        "--model-type -m CHOICE Type of encoder and decoder to use. [choices: Burgess] "
        "[default: Burgess]",
        "--model-type -m CHOICE|STR Type of encoder and decoder to use, or FILE.py:NAME. "
        "[choices: Burgess, MLP, Locatello, ResNet] [default: Burgess]",
    ),
    (
        "train",
        "--dataset -d STR Dataset to train on: dsprites, mnist, fashion, celeba, chairs, shapes3d, "
        "cars3d, smallnorb, mpi3d_toy, mpi3d_realistic, mpi3d_real, a folder of images or an .npz "
        "file. [default: mnist]",
        "--dataset -d STR Dataset to train on: dsprites, mnist, fashion, celeba, chairs, shapes3d, "
        "cars3d, smallnorb, mpi3d_toy, mpi3d_realistic, mpi3d_real, a folder of images, an .npz "
        "or .npy file or FILE.py:NAME. [default: mnist]",
    ),
    (
        "train",
        "--image-size INT Side to resize own images to: 32 or 64; None: 64.",
        "--image-size INT Side to resize images to: 32, 64, 128 or 256, where their source has so "
        "many pixels; None: the dataset's own, of own images 64.",
    ),
    *(
        (
            command,
            "",
            "--test-images INT Compute the test losses of so many images, always the same, not "
            "all.",
        )
        for command in ("train", "eval")
    ),
    *(
        (
            command,
            "",
            "--metrics-images INT Score so many images, always the same; default: all, but while "
            "training 50,000.",
        )
        for command in ("train", "eval")
    ),
    (
        "train",
        "--resume Go on with the run NAME where it was interrupted, with the options it has. "
        "[default: False]",
        "--resume Go on with the run NAME where it was interrupted, with the options it has; with "
        "more --epochs or --max-steps, beyond its end. [default: False]",
    ),
    *(
        ("train", "", line)
        for line in (
            "--no-extend Keep no checkpoint-end.pt (three times the weights), from which --resume "
            "with more --epochs or --max-steps takes a finished run further. [default: False]",
            "--val-fraction FLOAT Share of the images to train on that is held out instead, and "
            "evaluated after every epoch; the weights of the lowest loss are kept as "
            "model-best.pt. [default: 0]",
            "--lr-schedule CHOICE Whether the learning rate stays, or falls to 0 by half a cosine. "
            "[choices: constant, cosine] [default: constant]",
            "--lr-warmup INT Steps over which the learning rate rises first. [default: 0]",
            "--patience INT Stop when the loss of the images of --val-fraction has not fallen for "
            "n epochs.",
            "--tracker STR... Record the training elsewhere too: tensorboard, wandb, trackio, "
            "mlflow or FILE.py:NAME, several with commas. [default: ()]",
            "--metrics STR... Scores of --is-metrics and --metrics-every, as all or mig,dci,...; "
            "disvae eval --list explains each. [default: ('mig', 'aam')]",
            "--metrics-every INT Compute the scores while training too, every n epochs, into "
            "train_metrics.log.",
        )
    ),
    (
        "data prepare",
        "",
        "--image-size CHOICE Side to resize the images to, as for train. "
        "[choices: 32, 64, 128, 256]",
    ),
    (
        "",
        "",
        "explore Show what models learned in the browser: move a latent and see the image change.",
    ),
    *(
        (
            command,
            f"{star}NAME Name of the model for storing or loading purposes. {after}",
            f"{star}NAME Name of the run, path of its folder or zip file, or zoo:NAME. {after}",
        )
        for command, star, after in (("plot", "* ", "[required]"), ("eval", "", '[default: ""]'))
    ),
    (
        "grid",
        "* RUNS Names of the runs. [required]",
        "* RUNS Names of the runs, paths of their folders or zip files, or zoo:NAME. [required]",
    ),
    (
        "summary",
        "* NAME Name of the sweep. [required]",
        "* NAME Name of the sweep, or the path of its folder. [required]",
    ),
    (
        "",
        "",
        "export Write a trained model for other programs, or the whole run for other people.",
    ),
    ("", "", "zoo List the trained models that come with disvae: open each as zoo:NAME."),
    *(
        (command, "", line)
        for command in ("eval", "plot")
        for line in (
            "--out PATH Folder for what is written; default: the run's, of a zip file or the zoo "
            "results/NAME.",
            "--at INT|STR Weights to use: of an epoch by its number (see --checkpoint-every), "
            "best, or last; default: those of the end, of a run that was stopped those of its "
            "checkpoint.",
            "Code of your own, as FILE.py:NAME",
            "--loss -l STR The loss, if it is your own.",
            "--model-type -m STR The model, if it is your own.",
            "--dataset -d STR The dataset, if it is your own.",
        )
    ),
]


def commands_before():
    parts = re.split(r"^== ?(.*)\n", BEFORE.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.splitlines() for part in parts[1::2]), strict=True))


@pytest.mark.parametrize("command", commands_before())
def test_the_help_changed_only_where_declared(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert main([*command.split(), "--help"]) == 0
    plain = (re.sub(r"[│╭╮╰╯─]+", " ", line) for line in capsys.readouterr().out.splitlines())
    now = [" ".join(line.split()) for line in plain if line.strip()]
    expected = sorted(commands_before()[command])
    for changed, before, after in CHANGED:
        if changed == command:
            if before:
                expected.remove(before)
            if after:
                expected.append(after)
    assert sorted(now) == sorted(expected)
    # the order of what stayed is that of before
    kept = [line for line in commands_before()[command] if line in now]
    assert [line for line in now if line in kept] == kept
