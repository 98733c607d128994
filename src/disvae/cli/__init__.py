"""The command line: arguments in, exit status out; the work is done elsewhere."""

import atexit
import gc
import logging
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError

from disvae import __version__
from disvae.cli import codes, data, inventory, listing, runs
from disvae.cli.explore import explore
from disvae.cli.sweep import experiments, summary, sweep
from disvae.cli.zoo import export, zoo
from disvae.devices.process import keep_freed_memory, spin_briefly
from disvae.errors import UserError
from disvae.objectives.registry import OBJECTIVES, ORIGINAL
from disvae.options import UserCode
from disvae.options.composition import record_for
from disvae.options.user_code import is_code, load
from disvae.types import sentence

FRONTS = {"main.py": "train", "main_viz.py": "plot"}  # programs that are one command

_LONGEST = 3600  # letters of a message; what names six files to fetch by hand is not cut


def make_app(
    losses: Sequence[UserCode] = (), shown: Sequence[str] = ORIGINAL, program: str = "disvae"
) -> App:
    """Compose all commands, or the one that `program` is.

    The command `train` has the options of the user's own losses too; its help shows those, and
    the options of the losses `shown`.
    """
    app = App(
        name=program,
        help="Train, evaluate and draw disentangled variational autoencoders.",
        version=__version__,
        suppress_keyboard_interrupt=False,  # main says how to go on
        default_parameter=Parameter(name_transform=lambda name: name.replace("_", "-")),
    )
    train, further = runs.train_command(record_for(losses, shown)), listing.further_losses(shown)
    if program in FRONTS:
        app.help = None  # that of the command
        app.help_epilogue = further if FRONTS[program] == "train" else None
        app.default(train if FRONTS[program] == "train" else runs.plot)
        return app
    app.command(train, help_epilogue=further)
    app.command(runs.evaluate, name="eval")
    commands = (
        runs.score, codes.encode, codes.decode, runs.plot, runs.grid, explore, experiments, sweep,
        summary, export, zoo, data.make_app(), inventory.make_app(), listing.losses, listing.models,
    )  # fmt: skip
    for command in commands:
        app.command(command)
    return app


def main(arguments: Sequence[str] | None = None, program: str = "disvae") -> int:
    """Run one command: `arguments`, by default those that the program was started with.

    `program` is how it was started: ``disvae``, or one of `FRONTS`.

    Returns the exit status: 0 if all went well, 1 if runs of a sweep failed, 2 for bad input or a
    file that cannot be read or written, 130 if interrupted (143 by SIGTERM).
    """
    keep_freed_memory()
    spin_briefly()
    atexit.register(gc.freeze)  # a last look at all that PyTorch loaded takes half a second
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("disvae").setLevel(logging.INFO)  # ours only, not other libraries'
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = FRONTS.get(program, next(iter(words), ""))
        chosen = runs.chosen_losses(words) if command == "train" else []
        own = [load(loss) for loss in chosen if is_code(loss)]
        known = tuple(loss for loss in chosen if loss in OBJECTIVES)
        shown = known if known and {"-h", "--help"} & set(words) else ORIGINAL
        app = make_app(own, shown, program)
        status = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        cause = error.__cause__
        if isinstance(cause, ValidationError):
            argument = getattr(error, "argument", None)  # of a record: it has no name of its own
            return _refuse(sentence(cause, argument.name.lstrip("-*") if argument else ""))
        return _refuse(str(error))
    except UserError as error:
        return _refuse(str(error), getattr(error, "__notes__", []))
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _refuse(f"{error.strerror or error}{where}.")
    except KeyboardInterrupt as interruption:
        print(f"disvae: {str(interruption) or 'interrupted'}.", file=sys.stderr)
        return getattr(interruption, "exit_status", 130)
    return status if isinstance(status, int) else 0


def _refuse(message: str, notes: Sequence[str] = ()) -> int:
    text = " ".join(message.split()).replace("\0", "\\0")
    if len(text) > _LONGEST:  # the middle is what was typed, or stands in a file
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"
    # names of files may be no UTF-8
    text = text.encode("utf-8", "backslashreplace").decode()
    print(f"disvae: {text}", *notes, sep="\n", file=sys.stderr)
    return 2
