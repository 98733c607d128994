"""What a notebook completes."""

import inspect

import disvae
from disvae.options import Options
from tests.signature import STUB, stub


def test_the_package_lists_its_public_names():
    assert {name for name in dir(disvae) if not name.startswith("_")} == set(disvae.__all__)
    for name in disvae.__all__:
        assert getattr(disvae, name).__doc__


def test_train_lists_every_option_with_its_default():
    listed = inspect.signature(disvae.train).parameters
    assert list(listed)[:2] == ["name", "resume"]
    assert {"name", "resume", "on_epoch", *Options.model_fields} == set(listed)
    assert listed["epochs"].default == 100
    assert listed["lr"].default == 5e-4
    assert not any(each.kind is each.VAR_KEYWORD for each in listed.values())


def test_editors_see_every_option_of_train():
    assert STUB.read_text() == stub(), "call: python -m tests.signature"
