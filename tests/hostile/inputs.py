"""Damaged and invented content, and what is asked of those who read it."""

from hypothesis import strategies as st

import disvae
from disvae.errors import UserError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=6,
)


def refused_or_read(read):
    """Call `read`; a refusal must be one sentence."""
    try:
        read()
    except UserError as refusal:
        text = str(refusal)
        assert "\n" not in text
        assert text.rstrip().endswith((".", ")"))


@st.composite
def damaged(draw, content):
    """Bytes of which some are changed, cut off, doubled or put elsewhere."""
    raw = bytearray(draw(content) if isinstance(content, st.SearchStrategy) else content)
    for _ in range(draw(st.integers(1, 8))):
        where = draw(st.integers(0, len(raw) - 1)) if raw else 0
        match draw(st.sampled_from(["bit", "cut", "insert", "swap"])):
            case "bit" if raw:
                raw[where] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del raw[where:]
            case "insert":
                raw[where:where] = draw(st.binary(max_size=16))
            case _:
                raw[:where], raw[where:] = raw[where:], raw[:where]
    return bytes(raw)


def resume(run):
    return disvae.train(run.name, resume=True, results_dir=run.path.parent, device="cpu")
