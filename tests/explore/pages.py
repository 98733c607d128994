"""What tests do on a page: go to views, read pictures and sliders."""

import numpy as np
import torch

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


def pixels(canvas) -> np.ndarray:
    """Red of each pixel, which is grey."""
    return np.array(canvas.evaluate(PIXELS), dtype=int)[::4]


def code_of(page, run) -> torch.Tensor:
    """Where the sliders stand, by latent."""
    code = torch.zeros(1, run.model.latent_dim)
    for slider in page.locator("input[data-latent]").all():
        code[0, int(slider.get_attribute("data-latent"))] = float(slider.input_value())
    return code


def assert_decoded(canvas, run, code):
    with torch.inference_mode():
        expected = (run.model.decode(code) * 255).round().int().numpy().ravel()
    assert np.ptp(expected) > 20  # there is something to see
    assert np.abs(pixels(canvas) - expected).max() <= 1
