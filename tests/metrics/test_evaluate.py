"""The table of codes, evaluate, and what it says of bad input."""

import doctest
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from conftest import grid
from disvae.errors import UserError
from disvae.metrics import (
    SCORES,
    Codes,
    aam,
    binned_mig,
    dci,
    evaluate,
    infomec,
    irs,
    mig,
    mutual_information,
    sap,
    udr,
)

FACTORS = grid(3, 4, copies=4)
RNG = np.random.default_rng(0)
MEAN = np.concatenate([FACTORS + 0.05 * RNG.normal(size=FACTORS.shape), np.zeros((48, 1))], axis=1)
LOGVAR = np.concatenate([np.full((48, 2), -5.0), np.zeros((48, 1))], axis=1)
TABLE = Codes(MEAN, LOGVAR, FACTORS, ("shape", "scale"))
FEW = {"num_train": 60, "num_test": 40}
QUICK = {
    "beta_vae": FEW,
    "factor_vae": FEW,
    "dci": FEW,
    "sap": FEW,
    "modularity_explicitness": FEW,
}


def test_all_scores_in_one_record_ready_for_json():
    seen = []
    result = evaluate(TABLE, settings=QUICK, repeats=2, progress=lambda *step: seen.append(step))
    json.dumps(result, allow_nan=False)
    names = [name for name in SCORES if name != "udr"]
    assert list(result) == ["MIG", "AAM", *names]
    assert [step[0] for step in seen] == names
    assert seen[3][1:] == (3, len(names))
    for name in names:
        assert set(result[name]) == {"value", "std", "parts", "settings"}
    assert result["MIG"] == result["mig"]["value"] == pytest.approx(mig(MEAN, LOGVAR, FACTORS))
    assert result["AAM"] == pytest.approx(aam(MEAN, LOGVAR, FACTORS))
    assert result["mig"]["std"] is None
    assert result["dci"]["settings"]["num_train"] == 60
    assert result["dci"]["settings"]["factors"] == ["shape", "scale"]
    assert result["dci"]["std"] is not None
    assert np.shape(result["dci"]["parts"]["importance"]) == (3, 2)
    assert "factors" not in result["total_correlation"]["settings"]


def test_tables_per_factor_and_per_code():
    parts = evaluate(TABLE, ["mig", "aam"])["mig"]["parts"]
    assert [row["factor"] for row in parts["per_factor"]] == ["shape", "scale"]
    assert parts["per_factor"][1]["entropy"] == pytest.approx(np.log(4))
    assert parts["per_factor"][1]["best_codes"][0] == 1
    assert [row["best_factor"] for row in parts["per_code"]] == ["shape", "scale", None]
    np.testing.assert_allclose(
        parts["mutual_information"], mutual_information(MEAN, LOGVAR, FACTORS)
    )


def test_a_subset_of_factors_by_name():
    result = evaluate(TABLE, "mig", factor_subset=["scale"])
    assert result["MIG"] == pytest.approx(mig(MEAN, LOGVAR, FACTORS[:, [1]]))
    assert result["mig"]["settings"]["factors"] == ["scale"]


def test_a_score_does_not_depend_on_the_company_it_keeps():
    alone = evaluate(TABLE, "binned_mig", seed=3)["binned_mig"]
    assert alone == evaluate(TABLE, ["irs", "binned_mig"], seed=3)["binned_mig"]


def test_without_factors_all_means_the_scores_that_need_none():
    result = evaluate(Codes(MEAN, LOGVAR))
    assert list(result) == [
        "total_correlation",
        "wasserstein_dependence",
        "code_information",
        "fos",
    ]
    without_widths = evaluate(Codes(MEAN, None, FACTORS), settings=QUICK)
    assert "MIG" not in without_widths
    assert "dci" in without_widths


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_torch_tensors_are_welcome(dtype):
    tensors = [torch.tensor(MEAN, dtype=dtype, requires_grad=True), torch.tensor(LOGVAR)]
    found = mig(*tensors, torch.tensor(FACTORS))
    read = tensors[0].detach().double().numpy()
    assert found == pytest.approx(mig(read, LOGVAR, FACTORS), abs=1e-12)


def test_listing_scores_imports_no_large_library():
    check = (
        "import sys, disvae.metrics; disvae.metrics.SCORES; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_the_registry_explains_every_score():
    for name, score in SCORES.items():
        assert score.name == name
        assert score.explanation.endswith(".")
        assert score.paper
        assert score.formula
        assert score.needs <= {"logvar", "factors", "runs"}


with_nan = MEAN.copy()
with_nan[3, 1] = np.nan
constant = np.stack([FACTORS[:, 0], np.zeros(48, dtype=int)], axis=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mig(with_nan, LOGVAR, FACTORS), r"mean has NaN, .* columns \[1\]"),
        (lambda: mig(MEAN * 1e200, LOGVAR, FACTORS), r"large values in columns \[0, 1\]"),
        (lambda: mig(MEAN, LOGVAR[:, :2], FACTORS), r"shape of mean, \(48, 3\)"),
        (lambda: mig(MEAN, None, FACTORS), "give logvar"),
        (lambda: mig(MEAN, np.full_like(MEAN, 1e4), FACTORS), "log variances, not variances"),
        (lambda: mig(MEAN, LOGVAR, FACTORS[:40]), "40 rows but the codes have 48"),
        (lambda: mig(MEAN, LOGVAR, constant), "Factor 1 has only one value"),
        (lambda: aam(MEAN, LOGVAR, constant), "Factor 1 has only one value"),
        (lambda: dci(MEAN, constant), "Factor 1 has only one value"),
        (lambda: mig(MEAN[:1], LOGVAR[:1], FACTORS[:1]), "at least 2 images"),
        (lambda: mig(MEAN[:, 0], LOGVAR[:, 0], FACTORS), "two axes"),
        (lambda: sap(MEAN, FACTORS[:, 0]), "two axes"),
        (lambda: sap(MEAN, None), "needs the true factors"),
        (lambda: sap(MEAN, FACTORS + np.nan), "none of them NaN"),
        (lambda: sap(MEAN.astype(str), FACTORS), "real numbers"),
        (
            lambda: binned_mig(MEAN, FACTORS, bins=1),
            "1 cannot be bins of binned_mig: it should be greater",
        ),
        (lambda: binned_mig(MEAN, FACTORS, num_points=1), "greater than or equal to 2"),
        (lambda: binned_mig(MEAN, FACTORS, repeats=0), "0 cannot be repeats of binned_mig"),
        (lambda: irs(MEAN, FACTORS, quantile=2), "less than or equal to 1"),
        (lambda: infomec(MEAN, FACTORS, neighbours=0), "0 cannot be neighbours of infomec"),
        (lambda: udr([MEAN]), "at least 2, not 1"),
        (lambda: udr([MEAN, MEAN[:9]]), "same images"),
        (lambda: udr([MEAN, MEAN], [LOGVAR]), "logvar has 1 runs but codes has 2"),
        (lambda: udr([MEAN, MEAN], method="pearson"), "'lasso' or 'spearman'"),
        (lambda: evaluate(TABLE, ["mgi"]), "no score 'mgi'; the scores are mig, aam,"),
        (lambda: evaluate(TABLE, "udr"), "several runs"),
        (lambda: evaluate(Codes(MEAN), "dci"), "dci needs factors, which .* total_correlation"),
        (lambda: evaluate(Codes(MEAN, None, FACTORS), "mig"), "mig needs logvar"),
        (lambda: evaluate(TABLE, "dci", settings={"dci": {"trees": 9}}), "no setting 'trees'"),
        (lambda: evaluate(TABLE, "dci", settings={"dci": {"num_train": "x"}}), "num_train of dci"),
        (lambda: evaluate(TABLE, "mig", settings={"dci": {}}), "not among the scores"),
        (lambda: evaluate(TABLE, "mig", factor_subset=["size"]), "no factor 'size'; the factors"),
        (lambda: evaluate(TABLE, "mig", factor_subset=[]), "empty subset"),
        (lambda: evaluate(Codes(MEAN), factor_subset=["size"]), "have no factors"),
        (lambda: evaluate(Codes(MEAN, LOGVAR, constant, ("a", "b"))), "Factor 'b' has only one"),
        (lambda: Codes(MEAN, LOGVAR, FACTORS, ("a",)), "2 different names"),
        (lambda: Codes(MEAN, factor_names=("a",)), "without factors"),
    ],
)
def test_bad_input_is_told_in_one_sentence(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text


def test_docstrings_say_what_all_scores_read_and_take():
    text = dci.__doc__
    assert text.startswith(SCORES["dci"].explanation)
    sections = [text.index(title) for title in ("Source", "Parameters", "Returns", "Raises")]
    assert sections == sorted(sections)
    for name in SCORES["dci"].settings:
        assert f"\n{name}\n    " in text


def test_the_documented_example_runs():
    from disvae.metrics.scores import gap as _gap

    found = doctest.testmod(_gap)
    assert found.attempted > 0
    assert found.failed == 0
