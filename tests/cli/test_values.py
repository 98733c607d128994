"""Every option of every command with values that it cannot have: one sentence each."""

import itertools

import pytest

from disvae.cli import main, make_app

pytestmark = pytest.mark.usefixtures("nothing_outside")

# each names what is not there, so that nothing is done where a value is possible
COMMANDS = {
    "train": ["x", "-d=nothing"],
    "eval": ["x"],
    "score": ["--codes", "nothing.npz"],
    "plot": ["x", "losses"],
    "grid": ["out.gif", "x"],
    "explore": ["x"],
    "encode": ["x", "out.npz"],
    "decode": ["x", "nothing.npz", "out.png"],
    "sweep": ["--dry-run", "--grid", "dataset=nothing"],
    "summary": ["x"],
    "export": ["x"],
    "runs": ["nothing"],
    "runs archive": ["nothing"],
    "runs remove": ["nothing"],
    "runs rename": ["nothing", "other"],
    "data list": [],
    "data info": ["nothing"],
    "data prepare": ["nothing", "nothing"],
    "data import": ["nothing", "nothing"],
    "data verify": ["nothing"],
    "data remove": ["nothing"],
}
VALUES = (
    "", " ", "x", "-1", "0", "nan", "inf", "1e400", "1.5", "None", "9" * 40, "9" * 5000, "x" * 5000,
    "a\0b", "\n", "[bold]", "$\\x{y}$", "\udcff", "../x", "a=b,c", ",", "true",
)  # fmt: skip


def options(command):
    """List the names that each option of a command has first."""
    app = make_app()
    for word in command.split():
        app = app[word]
    arguments = app.assemble_argument_collection()
    return [each.names[0] for each in arguments if each.names and each.names[0].startswith("--")]


@pytest.mark.parametrize("command", COMMANDS)
def test_values_that_no_option_can_have(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISVAE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("builtins.input", lambda *_: "")
    turns = itertools.cycle(VALUES)  # all come in turn: each way of reading has many options
    for option in options(command):
        for value in itertools.islice(turns, 2):
            words = [*command.split(), *COMMANDS[command], f"{option}={value}"]
            status = main(words)
            said = capsys.readouterr().err.splitlines()
            assert status in (0, 2), (words, status)
            assert status == 0 or said[-1].startswith("disvae: "), words
            assert status == 0 or len(said[-1]) < 4000, words


@pytest.mark.parametrize("command", COMMANDS)
def test_values_in_place_of_names(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISVAE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("builtins.input", lambda *_: "")
    for number, word in enumerate(COMMANDS[command]):
        if word.startswith("-"):
            continue
        for value in VALUES[::2]:
            words = [*command.split(), *COMMANDS[command]]
            words[len(command.split()) + number] = value
            status = main(words)
            said = capsys.readouterr().err.splitlines()
            assert status in (0, 2), (words, status)
            assert status == 0 or said[-1].startswith("disvae: "), words


def test_no_command_is_left_out():
    known = {name.split()[0] for name in COMMANDS}
    without_values = {"experiments", "losses", "models", "zoo", "--help", "-h", "--version"}
    assert set(make_app()) - without_values <= known
