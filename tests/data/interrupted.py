"""A process of the tests: prepare a small dataset, and be killed on the way."""

import os
import signal

from disvae.data import store
from disvae.data.catalogue import mnist, mpi3d, shapes3d, smallnorb
from disvae.data.catalogue import registry as catalog
from disvae.data.prepare import prepare
from tests.data.raw_files import small_entry


def prepare_and_die(name, address, root, appends):
    """Kill this process (no clean-up, as kill -9) after so many pieces were written; 0: never."""
    store._COMMIT_BYTES = 1
    mnist._CHUNK = 4
    mpi3d._BLOCK = shapes3d._BLOCK = smallnorb._BLOCK = 10
    if address:
        catalog.CATALOG[name] = small_entry(name, address)
    append, left = store.Builder.append, [appends]

    def append_or_die(builder, rows):
        append(builder, rows)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store.Builder.append = append_or_die
    prepare(name, root)
