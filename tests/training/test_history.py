"""What a checkpoint keeps of a training is read back whole, and refused where it is damaged."""

import copy
import math

import pytest
from PIL import Image

from disvae.training.history import History, read_history

SIZE = (12, 8)


@pytest.fixture
def state():
    """The records of two epochs, with held-out losses and scores of the second."""
    history = History.beginning()
    for loss in (3.0, 2.0):
        history.add({"loss": loss, "kl_loss": 1.0}, Image.new("L", SIZE, int(loss)))
        history.validation.append({"loss": loss + 1, "kl_loss": math.inf})  # may diverge
    history.scores[1] = {"mig": 0.5}
    return history._asdict()


def test_records_are_read_back_whole(state):
    read = read_history(copy.deepcopy(state), 2, SIZE)
    assert (read.log, read.scores, read.validation) == (
        state["log"], state["scores"], state["validation"],
    )  # fmt: skip
    assert [frame.getpixel((0, 0)) for frame in read.frames()] == [3, 2]


@pytest.mark.parametrize(
    ("part", "damage", "message"),
    [
        ("film", lambda film: tuple(film), "not the records"),
        ("log", lambda log: log[:1], "not a record an epoch"),
        ("film", lambda film: [*film, film[0]], "not a record an epoch"),
        ("validation", lambda losses: losses[:1], "not a record an epoch"),
        ("log", lambda log: [log[0], {"loss": 2.0}], "damaged records"),
        ("log", lambda log: [log[0], {**log[1], "loss": math.nan}], "damaged records"),
        ("scores", lambda _: {2: {"mig": 0.5}}, "damaged scores"),
        ("scores", lambda _: {1: {"mig": math.inf}}, "damaged scores"),
        ("validation", lambda losses: [losses[0], {"loss": 1.0}], "damaged losses"),
        ("validation", lambda losses: [losses[0], {**losses[1], "loss": 1}], "damaged losses"),
    ],
)
def test_damaged_records_are_refused(state, part, damage, message):
    state[part] = damage(state[part])
    with pytest.raises(ValueError, match=message):
        read_history(state, 2, SIZE)


def test_frames_of_another_size_or_with_other_bytes_are_refused(state):
    with pytest.raises(ValueError, match="another size"):
        read_history(state, 2, (8, 12))
    damaged = state["film"][0].clone()
    damaged[-20] ^= 255
    with pytest.raises(Exception, match=r"(?i)broken|checksum|bad|corrupt"):
        read_history({**state, "film": [damaged, state["film"][1]]}, 2, SIZE)
