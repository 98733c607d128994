"""What tests do on a page: go to views, read pictures and sliders."""

import time

import numpy as np
import torch

PATIENCE = 10  # seconds, for a loaded machine

PIXELS = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from(data);
}"""
VIEWS = ("Latents", "Images", "Traversals", "Evidence", "Compare")


def go(page, view):
    page.get_by_role("navigation", name="Views").get_by_role(
        "button", name=view, exact=True
    ).click()
    page.wait_for_selector(f'nav button[aria-current]:text-is("{view}")')


def base(explorer) -> str:
    return explorer.url.partition("#")[0]


def settle(page):
    page.wait_for_timeout(250)


def pixels(canvas, channels=1) -> np.ndarray:
    """Channel after channel; of a grey picture red will do."""
    return np.array(canvas.evaluate(PIXELS), dtype=int).reshape(-1, 4)[:, :channels].T.ravel()


def code_of(page, run) -> torch.Tensor:
    """Where the sliders stand, by latent."""
    code = torch.zeros(1, run.model.latent_dim)
    for slider in page.locator("input[data-latent]").all():
        code[0, int(slider.get_attribute("data-latent"))] = float(slider.input_value())
    return code


def assert_decoded(canvas, run, code, levels=1):
    """Wait until the canvas shows what PyTorch decodes, at most `levels` grey levels off."""
    with torch.inference_mode():
        decoded = (run.model.decode(code) * 255).round().int()[0]
    expected, channels = decoded.numpy().ravel(), len(decoded)
    assert np.ptp(expected) > 20  # there is something to see
    deadline = time.monotonic() + PATIENCE
    while (off := np.abs(pixels(canvas, channels) - expected).max()) > levels:
        assert time.monotonic() < deadline, f"{off} grey levels off"
        canvas.page.wait_for_timeout(50)
