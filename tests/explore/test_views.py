"""The other views in Chromium; what a page says when things go; whom it suits."""

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
from tests.explore.pages import VIEWS, assert_decoded, base, code_of, go, settle


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
