"""The page in Chromium, served: what it shows is what PyTorch computes."""

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from disvae.explore import bundle
from disvae.explore.explorer import Explorer
from disvae.explore.network import InexpressibleError
from tests.explore.conftest import make_run, read_json, write_json

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


def test_evidence(watched, explorer, explored):
    page = watched.open(explorer.url)
    go(page, "Evidence")
    heat = page.locator(".heat tbody tr")
    values = np.array(explored[0].metrics["mig"]["parts"]["mutual_information"])
    assert heat.count() == len(values)
    first = heat.first.locator("td").first
    first.hover()
    assert f"{values[0, 1]:.4f}" in page.locator(".readout").inner_text()
    assert f"{explored[0].metrics['sap']['value']:.4f}" in page.locator(".plain").inner_text()
    page.wait_for_selector("text=/Of 96 images/")
    assert page.locator(".bars").count() == 5
    assert page.get_by_text("last 87.00").count() == 1  # of four epochs of `loss`
    watched.require_quiet(base(explorer))


def test_compare_runs_on_one_image(watched, explorer, explored, data_dir):
    page = watched.open(explorer.url)
    go(page, "Compare")
    page.get_by_label("Image", exact=True).fill("5")
    page.get_by_label("Image", exact=True).press("Enter")
    page.wait_for_selector("text=/Image 5: shape/")
    page.wait_for_timeout(500)
    image = explored[0].dataset(data_dir).images([5]).float() / 255
    for number, run in enumerate(explored[:2]):
        with torch.inference_mode():
            mean = run.model.encode(image).mean
        assert_decoded(page.locator(f"canvas[data-run='{number}']"), run, mean)
    assert page.get_by_text("images of another size").count() == 1  # the digits
    slider = "#slider-{}-1"
    page.locator(slider.format(0)).fill("1.5")
    assert page.locator(slider.format(1)).input_value() == "1.5"
    page.get_by_label("Sliders").select_option("none")
    page.locator(slider.format(0)).fill("-1.5")
    assert page.locator(slider.format(1)).input_value() == "1.5"
    watched.require_quiet(base(explorer))


def test_a_table_of_runs(watched, tmp_path, data_dir):
    for k, beta in enumerate((1, 8, 4)):
        run = make_run(tmp_path / f"betas/b{beta}", data_dir, k, btcvae_B=beta)
        run.merge_metrics({"mig": {"value": 0.1 * k, "std": None, "parts": {}, "settings": {}}})
    make_run(tmp_path / "betas/untrained", data_dir, btcvae_B=2).path.joinpath("model.pt").unlink()
    with Explorer([tmp_path / "betas"], data_dir=data_dir) as explorer:
        page = watched.open(explorer.url)
        names = page.locator("tbody th")
        assert names.all_inner_texts() == ["b1", "b4", "b8", "untrained not trained"]
        page.get_by_role("button", name="mig").click()
        assert names.all_inner_texts()[:3] == ["b4", "b8", "b1"]
        page.get_by_role("button", name="mig").click()
        assert names.all_inner_texts()[:3] == ["b1", "b8", "b4"]
        page.get_by_label("btcvae_B").select_option("8.0")
        assert names.all_inner_texts() == ["b8"]
        page.get_by_label("btcvae_B").select_option("")
        page.get_by_label("Compare b1").check()
        page.get_by_label("Compare b8").check()
        page.get_by_role("button", name="Compare the chosen").click()
        page.wait_for_selector(".panels")
        assert page.locator(".run h2").all_inner_texts() == ["b1", "b8"]
        go(page, "Runs")
        page.get_by_role("button", name="b4").click()
        page.wait_for_selector("#decoded")
        assert page.locator("#run").input_value() == "1"
        watched.require_quiet(base(explorer))


def test_a_model_without_layers_is_decoded_by_the_server(watched, tmp_path, data_dir, monkeypatch):
    def refuse(_):
        raise InexpressibleError("it uses the operation sin")

    monkeypatch.setattr(bundle, "decoder_network", refuse)
    monkeypatch.setattr(bundle, "encoder_network", refuse)
    run = make_run(tmp_path / "run", data_dir)
    with Explorer([run], data_dir=data_dir) as explorer:
        page = watched.open(explorer.url)
        page.get_by_role("slider", name="z1").fill("1.5")
        page.wait_for_timeout(500)
        assert_decoded(page.locator("#decoded"), run, code_of(page, run))
        go(page, "Images")
        page.get_by_role("button", name="Next", exact=True).click()
        page.wait_for_selector("text=/Image 1: shape/")
        watched.require_quiet(base(explorer))


def test_no_text_is_ever_html(watched, tmp_path, data_dir):
    evil = "<img src=x onerror=alert(1)>"
    run = make_run(tmp_path / evil, data_dir)
    specs = read_json(run.path / "specs.json")
    write_json(run.path / "specs.json", specs | {"dataset": f"{evil}<script>alert(2)</script>"})
    matrix = {"value": 0.5, "parts": {"mutual_information": [[1, 0, 0, 0, 0]]}}
    write_json(
        run.path / "metrics.log", {"mig": matrix | {"settings": {"factors": [evil], evil: evil}}}
    )
    (run.path / "train_losses.log").write_text(f"Epoch,Loss,Value\n0,{evil},3\n1,{evil},2\n")
    make_run(tmp_path / "other", data_dir)
    with Explorer([run.path, tmp_path / "other"], data_dir=data_dir) as explorer:
        page = watched.open(explorer.url)
        for view in VIEWS:
            go(page, view)
            page.wait_for_timeout(200)
            assert page.locator("img, main script").count() == 0
        go(page, "Evidence")
        assert evil in page.locator(".heat").inner_text()
        watched.require_quiet(base(explorer))


def test_the_page_says_when_the_run_or_the_server_goes(watched, tmp_path, data_dir):
    run = make_run(tmp_path / "run", data_dir)
    explorer = Explorer([run.path], data_dir=data_dir)
    page = watched.open(explorer.url)
    fault = page.locator("#fault")
    run.write_model(make_run(tmp_path / "new", data_dir, seed=7).model)
    fault.get_by_text(re.compile("trained anew since this page opened it.*Reload")).wait_for()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(300)
    new = make_run(tmp_path / "same", data_dir, seed=7)
    assert_decoded(page.locator("#decoded"), new, torch.zeros(1, 5))
    run.path.rename(tmp_path / "away")
    fault.get_by_text("The folder of the run run is gone.").wait_for()
    explorer.close()
    fault.get_by_text(re.compile("The server has stopped")).wait_for()
    page.get_by_role("slider", name="z1").fill("1")  # still moves
    page.wait_for_timeout(300)
    assert_decoded(page.locator("#decoded"), new, code_of(page, new))


def test_without_the_key_the_page_says_where_it_is(watched, explorer):
    page = watched.page
    page.goto(base(explorer))
    page.get_by_text("Open the address that disvae explore printed").wait_for()


def test_a_name_that_points_here_gets_nothing(chromium, explorer):
    """DNS rebinding, as a browser does it: another name, this address."""
    launched = chromium.browser_type.launch(
        executable_path="/usr/bin/chromium",
        args=["--no-sandbox", "--host-resolver-rules=MAP evil.test 127.0.0.1"],
    )
    try:
        page = launched.new_page()
        answer = page.goto(explorer.url.replace("127.0.0.1", "evil.test"))
        assert answer.status == 421
        assert "under its own address only" in page.content()
    finally:
        launched.close()


def test_saved_pictures(watched, explorer, explored):
    page = watched.open(explorer.url)
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save picture").click()
    assert download.value.suggested_filename == "run0-latents.png"
    saved = np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())).convert("L"))
    assert saved.shape == (512, 512)
    with torch.inference_mode():
        expected = (explored[0].model.decode(torch.zeros(1, 5))[0, 0] * 255).round().numpy()
    assert np.abs(saved[::8, ::8] - expected).max() <= 1


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_every_view_is_accessible_and_fits(chromium, explorer, axe, theme, width):
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
    page = context.new_page()
    page.goto(explorer.url)
    page.wait_for_selector("html[data-ready]")
    for view in VIEWS:
        go(page, view)
        if view == "Images":
            page.get_by_role("button", name="Any", exact=True).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        smallest = page.evaluate(
            """() => Math.min(...[...document.querySelectorAll("body *")]
                .filter((e) => e.getClientRects().length && [...e.childNodes].some(
                    (n) => n.nodeType === 3 && n.textContent.trim()))
                .map((e) => {
                    const svg = e.closest("svg");
                    const scale = svg ? svg.getBoundingClientRect().width / 280 : 1;
                    return scale * parseFloat(getComputedStyle(e).fontSize);
                }))"""
        )
        assert smallest >= 12, view
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        serious = [
            (v["id"], v["nodes"][0]["html"][:200])
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert serious == [], view
    context.close()
