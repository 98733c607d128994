"""How long a pass over images takes is said once, on a terminal or not."""

import logging

import pytest

from disvae.runs import progress
from disvae.runs.progress import counted


@pytest.mark.parametrize(
    ("seconds", "tell", "said"),
    [
        (0.5, True, ["Test: about 0:00:48 left"]),  # after 4 of 100 batches, 2 s
        (90.0, True, ["Test: about 2:28:30 left"]),
        (0.01, True, []),  # all is over in a second
        (0.016, True, []),  # 1.5 s have passed, but nearly all is done
        (0.5, False, []),
    ],
)
def test_an_estimate_is_logged_once(seconds, tell, said, monkeypatch, caplog):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    caplog.set_level(logging.INFO, "disvae")
    seen = 0
    for batch in counted(iter([[0] * 10] * 100), 1000, "Test", tell=tell):
        seen += len(batch)
        now += seconds
    assert seen == 1000
    assert [record.message for record in caplog.records] == said
