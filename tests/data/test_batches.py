"""Order and content of batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from disvae.data.batches import Resident, batches, epoch_order
from disvae.data.prepare import load_dataset
from disvae.errors import UserError


@given(st.integers(1, 500), st.integers(0, 2**32 - 1), st.integers(0, 1000))
def test_the_order_is_a_permutation_and_a_pure_function(n_images, seed, epoch):
    order = epoch_order(n_images, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(n_images))
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    np.testing.assert_array_equal(epoch_order(n_images, seed, epoch), order)


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(epoch_order(50, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_batches_are_the_images_in_order_divided_by_255(data_dir):
    dataset = load_dataset("mnist", data_dir)
    order = epoch_order(len(dataset), 1, 0)
    parts = list(batches(dataset, order, 32, torch.device("cpu")))
    assert [len(part) for part in parts] == [32, 32, 32, 4]
    whole = torch.cat(parts)
    assert whole.dtype == torch.float32
    assert torch.equal(whole, dataset.images(order).float() / 255)
    assert whole.max() == 1


def test_batches_that_cannot_be_read_are_an_error_not_a_short_epoch(data_dir):
    dataset = load_dataset("mnist", data_dir)
    beyond = np.array([0, 1, len(dataset)])
    with pytest.raises(UserError, match="choose indices"):
        list(batches(dataset, beyond, 2, torch.device("cpu")))


@pytest.mark.parametrize("name", ["mnist", "dsprites"])
def test_a_resident_dataset_has_the_same_images(name, data_dir):
    dataset = load_dataset(name, data_dir, train_fraction=0.5)
    order = epoch_order(len(dataset), 1, 0)
    kept = Resident(dataset, torch.device("cpu"))
    assert torch.equal(kept.images(torch.from_numpy(order)), dataset.images(order))
