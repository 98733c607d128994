"""Processes of tests: forks of one that has loaded PyTorch once, which takes seconds."""

import multiprocessing
import os
import signal
import sys

import disvae
from disvae.cli import main
from disvae.objectives import discriminator


def start(target, *arguments, **options):
    """Start a process that calls `target`, untouched by what this one has changed.

    Its discriminators are small: the real one has four million weights to write at each checkpoint.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["disvae.sweep.loaded"])
    process = context.Process(target=_call, args=(target, *arguments), kwargs=options)
    process.start()
    return process


def _call(target, *arguments, **options):
    discriminator._UNITS = 20
    target(*arguments, **options)


def start_training(name, options, **more):
    """Start a process that trains."""
    return start(disvae.train, name, **options | more)


def start_command(arguments, said):
    """Start the program with `arguments`; what it says goes to the file `said`."""
    return start(_command, [str(word) for word in arguments], said)


def _command(arguments, said):
    # where the tests run in the background it would be ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with said.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.exit(main(arguments))
