"""The contract of datasets, for all of the catalogue, and for some that break it."""

import numpy as np
import pytest

from disvae.data.catalogue.entry import Entry
from disvae.testing.datasets import check_dataset
from tests.data.raw_files import NAMES, raw, small_entry


@pytest.mark.parametrize("name", NAMES)
def test_every_dataset_keeps_the_contract(name, tmp_path):
    paths = {}
    for file, content in raw(name).files.items():
        paths[file] = tmp_path / file
        paths[file].write_bytes(content)
    check_dataset(small_entry(name), tmp_path, paths)


def squares(**changes):
    def write(_, builder):
        images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32), np.uint8)
        builder.append(images)
        builder.write_factor_grid()

    known = {"image_shape": (1, 32, 32), "splits": {"train": 4}, "background": "black"}
    return Entry(
        **{"name": "squares", "write": write, "factors": {"x": 2, "y": 2}, **known, **changes}
    )


def noise(_, builder):
    builder.append(np.random.default_rng().integers(0, 255, (4, 1, 32, 32), np.uint8))
    builder.write_factor_grid()


def alike(_, builder):
    builder.append(np.ones((4, 1, 32, 32), np.uint8))
    builder.write_factor_grid()


def strange_factors(_, builder):
    builder.append(np.random.default_rng(0).integers(0, 255, (4, 1, 32, 32), np.uint8))
    builder.write_factors(np.arange(8).reshape(4, 2))


def test_own_entries_keep_it(tmp_path):
    check_dataset(squares(), tmp_path)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"write": noise}, "differs from one preparation"),
        ({"write": alike}, "are all alike"),
        ({"write": strange_factors}, "do not lie in"),
        ({"background": "green"}, "background"),
    ],
)
def test_what_breaks_it_is_said(broken, said, tmp_path):
    with pytest.raises(AssertionError, match=said):
        check_dataset(squares(**broken), tmp_path)
