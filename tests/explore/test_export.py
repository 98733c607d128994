"""The page in one file: from disk, without a server, without a network."""

import re

import numpy as np
import pytest
import torch

from disvae.errors import UserError
from disvae.explore.export import export
from disvae.explore.page import bundled, static_files
from disvae.models.vae import VAE
from disvae.runs.find import open_run
from tests.explore.conftest import make_run, read_json, write_json
from tests.explore.pages import assert_decoded, code_of, go, pixels

CODE = (-1.8, -0.9, 0.4, 1.1, 2.0)


@pytest.mark.parametrize(("encoder", "most"), [(False, 1e6), (True, 2.5e6)])
def test_sizes(tmp_path, explored, data_dir, encoder, most):
    said = export(explored[:1], tmp_path / "page.html", data_dir=data_dir, encoder=encoder)
    size = (tmp_path / "page.html").stat().st_size
    assert size < most
    assert f"{size / 1e6:.2f} MB" in said
    assert "Licence" not in said  # no image is in it


def test_the_file_opens_from_disk(watched, tmp_path, explored, data_dir):
    file = tmp_path / "page.html"
    said = export(
        explored[:2], file, data_dir=data_dir, images=12, encoder=True, precision="single"
    )
    assert "Images of dsprites. Licence: Apache 2.0" in said
    page = watched.open(file.as_uri())
    run = explored[0]
    page.get_by_role("slider", name="z1").fill("1.5")
    page.wait_for_timeout(300)
    assert_decoded(page.locator("#decoded"), run, code_of(page, run))
    go(page, "Images")
    assert page.get_by_text("Licence: Apache 2.0").count() == 1
    page.get_by_label("Image", exact=True).fill("3")
    page.get_by_label("Image", exact=True).press("Enter")
    page.wait_for_selector("text=/Image 25: shape/")
    page.wait_for_timeout(300)
    image = run.dataset(data_dir).images([25])
    assert (pixels(page.locator(".stage .pair canvas").first) == image.numpy().ravel()).all()
    with torch.inference_mode():
        assert_decoded(page.locator("#decoded"), run, run.model.encode(image / 255).mean)
    for view in ("Traversals", "Evidence", "Compare"):
        go(page, view)
        page.wait_for_timeout(300)
    assert page.locator(".run h2").all_inner_texts() == ["run0", "run1"]
    watched.require_quiet(file.as_uri())


def test_without_encoder_its_own_images_still_show(watched, tmp_path, explored, data_dir):
    file = tmp_path / "page.html"
    export(explored[:1], file, data_dir=data_dir, images=4)
    page = watched.open(file.as_uri())
    go(page, "Images")
    assert page.locator("#upload").count() == 0
    page.locator(".thumbs button").nth(2).click()
    page.wait_for_selector(".stage .pair:not([hidden])")
    index = int(np.linspace(0, 95, 4)[2])
    run, image = explored[0], explored[0].dataset(data_dir).images([index])
    with torch.inference_mode():
        mean = run.model.encode(image / 255).mean
    assert_decoded(page.locator("#decoded"), run, mean, levels=2)  # half precision
    watched.require_quiet(file.as_uri())


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 32, 32)])
def test_half_precision_is_within_a_grey_level_or_two(watched, tmp_path, data_dir, shape):
    run = make_run(tmp_path / "run", data_dir, size=shape[1])
    specs = read_json(run.path / "specs.json")
    write_json(run.path / "specs.json", specs | {"img_size": list(shape)})
    torch.manual_seed(3)
    run.write_model(VAE(shape, 5, "Burgess"))
    export([run.path], tmp_path / "page.html")
    page = watched.open((tmp_path / "page.html").as_uri())
    for slider, value in zip(page.locator("input[data-latent]").all(), CODE, strict=True):
        slider.fill(str(value))
    run = open_run(run.path)
    z = code_of(page, run)
    assert sorted(z[0].tolist()) == pytest.approx(sorted(CODE))
    assert_decoded(page.locator("#decoded"), run, z, levels=2)


@pytest.mark.parametrize(
    ("runs", "options", "why"),
    [
        (["none"], {}, "There is no run or sweep in"),
        ([], {}, "Name at least one run"),
        (["run"], {"path": "page.txt"}, "is an .html file"),
        (["run"], {"path": "none/page.html"}, "There is no folder"),
        (["run"], {"images": 3, "data_dir": "nowhere"}, "are not prepared here"),
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(tmp_path, data_dir, runs, options, why):
    make_run(tmp_path / "run", data_dir)
    path = tmp_path / options.pop("path", "page.html")
    with pytest.raises(UserError, match=re.escape(why)):
        export(runs, path, results_dir=tmp_path, **options)
    assert not path.exists()


def test_one_script_holds_every_module_in_order():
    sources = {
        "a.js": 'import {b, $} from "./b.js";\nexport function a() { return b + $; }\n',
        "b.js": "export const b = 1;\nexport const $ = 2;\n",
    }
    script = bundled(sources, "a")
    assert script.index("const b_ =") < script.index("const a_ =")
    assert "const {b, $} = b_;" in script
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)


def test_modules_keep_to_the_form_that_is_bundled():
    for name, (content, _) in static_files().items():
        if name.endswith(".js"):
            lines = [
                line for line in content.decode().splitlines() if "import" in line.split(" ")[:1]
            ]
            assert all(re.fullmatch(r'import \{[^}]*\} from "\./[a-z]+\.js";', x) for x in lines), (
                name
            )
            assert "export default" not in content.decode()
            assert "innerHTML" not in content.decode()
