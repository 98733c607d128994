"""Latents, images and traversals in Chromium: they show what PyTorch computes."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.explore.pages import assert_decoded, base, code_of, go, pixels, settle


def test_a_moved_slider_shows_what_pytorch_decodes(watched, explorer, explored):
    page = watched.open(explorer.url)
    assert [int(s.get_attribute("data-latent")) for s in page.locator("input[data-latent]").all()] \
        == [1, 3, 4, 0, 2]  # largest KL first  # fmt: skip
    canvas = page.locator("#decoded")
    settle(page)
    before = pixels(canvas)
    assert_decoded(canvas, explored[0], torch.zeros(1, 5))
    page.get_by_role("slider", name="z1").fill("1.5")
    page.get_by_role("slider", name="z2").fill("-2")
    settle(page)
    assert (pixels(canvas) != before).any()
    code = code_of(page, explored[0])
    assert code[0].tolist() == [0, 1.5, -2, 0, 0]
    assert_decoded(canvas, explored[0], code)
    watched.require_quiet(base(explorer))


def test_by_keyboard_alone(watched, explorer, explored):
    page = watched.open(explorer.url)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.latent") == "1":
            break
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    settle(page)
    slider = page.get_by_role("slider", name="z1")
    assert slider.input_value() == "1.98"
    assert slider.get_attribute("aria-valuetext").startswith("1.98")
    assert_decoded(page.locator("#decoded"), explored[0], code_of(page, explored[0]))
    page.keyboard.press("0")
    assert slider.input_value() == "0"
    page.keyboard.press("PageUp")
    assert float(slider.input_value()) > 0.1
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # freeze
    page.get_by_role("button", name="Random sample").press("Enter")
    assert float(slider.input_value()) == pytest.approx(0.4, abs=0.3)
    page.get_by_role("button", name="Traversals").press("Enter")
    page.wait_for_selector(".grid")
    page.locator(".cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "z3 at −1.56"
    )
    page.keyboard.press("Enter")
    go(page, "Latents")
    assert float(page.get_by_role("slider", name="z3").input_value()) == pytest.approx(
        -1.56, abs=0.02
    )


def test_reset_sample_freeze_and_range(watched, explorer):
    page = watched.open(explorer.url)
    z1, z3 = page.get_by_role("slider", name="z1"), page.get_by_role("slider", name="z3")
    z1.fill("1")
    page.get_by_role("button", name="Freeze z1").click()
    page.get_by_role("button", name="Random sample").click()
    assert z1.input_value() == "1"
    assert z3.input_value() != "0"
    page.get_by_role("button", name="Reset").click()
    assert (z1.input_value(), z3.input_value()) == ("1", "0")
    page.get_by_label("Range").select_option("quantile")
    page.get_by_role("spinbutton", name="m").fill("90")
    page.get_by_role("spinbutton", name="m").press("Enter")
    assert float(z1.get_attribute("max")) == pytest.approx(1.6449, abs=1e-3)


def test_the_address_keeps_the_state_but_not_the_key(watched, explorer):
    page = watched.open(explorer.url)
    page.get_by_role("slider", name="z3").fill("-1.2")
    page.get_by_role("button", name="Freeze z1").click()
    go(page, "Traversals")
    page.wait_for_timeout(500)
    address = page.url
    assert "token" not in address
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("nav button[aria-current]").inner_text() == "Traversals"
    go(page, "Latents")
    assert page.get_by_role("slider", name="z3").input_value() == "-1.2"
    assert page.get_by_role("button", name="Freeze z1").get_attribute("aria-pressed") == "true"
    assert page.url.partition("view=")[0] == address.partition("view=")[0]


def test_images_by_number_and_factors_are_encoded(watched, explorer, explored, data_dir):
    run = explored[0]
    dataset = run.dataset(data_dir)
    page = watched.open(explorer.url)
    go(page, "Images")
    page.get_by_label("Image", exact=True).fill("17")
    page.get_by_label("Image", exact=True).press("Enter")
    page.wait_for_selector("text=/Image 17: shape/")
    settle(page)
    with torch.inference_mode():
        posterior = run.model.encode(dataset.images([17]).float() / 255)
    pair = page.locator(".stage .pair canvas")
    assert (pixels(pair.nth(0)) == dataset.images([17]).numpy().ravel()).all()
    assert_decoded(pair.nth(1), run, posterior.mean)
    told = page.locator("section[aria-label=Posterior] input[data-latent='1']")
    mean, std = posterior.mean[0, 1].item(), posterior.std[0, 1].item()
    assert f"posterior {mean:.2f} plus or minus {std:.2f}".replace("-", "−") in told.get_attribute(
        "aria-valuetext"
    )
    page.get_by_role("slider", name="shape").fill("2")
    page.wait_for_timeout(600)
    wanted = dataset.factors[17].copy()
    wanted[0] = 2
    found = int(page.get_by_label("Image", exact=True).input_value())
    assert dataset.factors[found].tolist() == wanted.tolist()
    watched.require_quiet(base(explorer))


def test_an_image_of_ones_own(watched, explorer, explored, tmp_path):
    run = explored[0]
    grey = np.zeros((64, 64), np.uint8)
    grey[10:30, 20:50] = 200
    Image.fromarray(grey).save(tmp_path / "mine.png")
    page = watched.open(explorer.url)
    go(page, "Images")
    page.locator("#upload").set_input_files(tmp_path / "mine.png")
    page.wait_for_selector(".stage .pair:not([hidden])")
    settle(page)
    assert (pixels(page.locator(".stage .pair canvas").first) == grey.ravel()).all()
    with torch.inference_mode():
        mean = run.model.encode(torch.from_numpy(grey)[None, None] / 255).mean
    assert_decoded(page.locator("#decoded"), run, mean)
    watched.require_quiet(base(explorer))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "no PNG"),
        ("bomb.png", None, "at most 8192 x 8192"),
        (
            "cut.png",
            b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\0\x10" * 2 + b"\0" * 20,
            "damaged",
        ),
        ("long.png", b"\x89PNG" + b"\0" * (17 * 2**20), "at most 16 MB"),
        ("<img src=x onerror=alert(1)>.png", b"no", "is no PNG"),
    ],
)
def test_files_that_are_no_usable_image_get_a_sentence(
    watched, explorer, tmp_path, name, content, why
):
    if content is None:
        content = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4) * 2 + b"\x08\0\0\0\0" * 9
    page = watched.open(explorer.url)
    go(page, "Images")
    (tmp_path / name).write_bytes(content)
    page.locator("#upload").set_input_files(tmp_path / name)
    alert = page.locator(".drop [role=alert]")
    alert.wait_for()
    assert why in alert.inner_text()
    watched.require_quiet(base(explorer))


def test_the_walk_ends_where_it_should(watched, explorer):
    page = watched.open(explorer.url)
    go(page, "Images")
    page.get_by_role("button", name="Keep this as A").click()
    page.get_by_role("slider", name="z1").fill("2")
    page.get_by_role("button", name="Keep this as B").click()
    walk = page.locator("#walk")
    page.locator("#walk:not([disabled])").wait_for()
    walk.fill("0.25")
    assert page.get_by_role("slider", name="z1").input_value() == "0.5"


def test_the_grid_is_live_and_leads_to_its_cells(watched, explorer, explored):
    page = watched.open(explorer.url)
    page.get_by_role("slider", name="z3").fill("1")
    go(page, "Traversals")
    page.wait_for_timeout(1000)
    cells = page.locator(".cell")
    assert cells.count() == 50
    code = torch.zeros(1, 5)
    code[0, 3], code[0, 1] = 1, -2
    assert_decoded(cells.first.locator("canvas"), explored[0], code)
    cells.first.click()
    page.wait_for_timeout(600)
    assert_decoded(page.locator("#decoded"), explored[0], code)
    assert "here" in cells.first.get_attribute("class")
