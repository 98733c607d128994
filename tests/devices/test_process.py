"""Settings of the process: who makes them, and that the user's own stay."""

import ctypes
import os
import subprocess
import sys

import pytest

from disvae.devices.fabric import make_fabric
from disvae.devices.process import keep_freed_memory, spin_briefly
from disvae.options import Computing
from tests.processes import start


class Counts(ctypes.Structure):
    """What glibc says of its memory."""

    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = tuple((name, ctypes.c_size_t) for name in names.split())


def maps_memory(said):
    """Write whether a large block is a mapping of its own, before and after it is asked for."""
    c = ctypes.CDLL(None)
    c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    c.mallinfo2.restype = Counts

    def is_mapped():  # more than glibc ever keeps by itself
        before = c.mallinfo2().hblks
        c.malloc(2**26)
        return c.mallinfo2().hblks > before

    make_fabric(Computing(device="cpu"))
    before = is_mapped()
    keep_freed_memory()
    said.write_text(f"{before} {is_mapped()}")


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc's")
def test_memory_is_kept_when_that_is_asked_for_and_not_by_who_makes_a_fabric(tmp_path):
    if b"glibc" not in subprocess.run(["ldd", "--version"], capture_output=True).stdout.lower():
        pytest.skip("a setting of glibc's")
    process = start(maps_memory, tmp_path / "said")
    process.join()
    assert (tmp_path / "said").read_text() == "True False"


@pytest.mark.parametrize(
    ("own", "then"),
    [
        ({}, {"GOMP_SPINCOUNT": "10000"}),
        ({"GOMP_SPINCOUNT": "5"}, {"GOMP_SPINCOUNT": "5"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_threads_spin_briefly_unless_the_user_says_otherwise(monkeypatch, own, then):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    spin_briefly()
    assert {name: os.environ[name] for name in then} == then
    assert ("GOMP_SPINCOUNT" in os.environ) == ("GOMP_SPINCOUNT" in then)
    monkeypatch.setenv("GOMP_SPINCOUNT", "undone")  # what it set goes with the test


def test_the_command_line_sets_it_before_pytorch_is_imported():
    code = (
        "import os, sys; from disvae.cli import main; "
        "sys.modules['torch'] = None; status = main(['experiments']); "
        "print('spins', os.environ['GOMP_SPINCOUNT'])"
    )
    own = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=own)
    assert done.stdout.splitlines()[-1] == "spins 10000", done.stderr
