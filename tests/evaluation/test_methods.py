"""The methods of a run, GDAL's sharpener among them."""

from dataclasses import replace

import pytest
import torch

import pairs
from potato.core.sensors import SCALE
from potato.errors import InputError, WeightsError
from potato.evaluation.gdal_brovey import gdal_pansharpen, has_gdal
from potato.evaluation.methods import MethodSpec, baseline_names
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.model.weights import save_model


def test_methods_come_in_order_and_the_predictor_once(weights):
    names = [one.name for one in MethodSpec(weights).methods]
    assert names == [*baseline_names(), "mine"]
    assert names[-2] == "predictor"
    assert [one.name for one in MethodSpec("predictor", ("gsa", "predictor")).methods] == ["gsa", "predictor"]
    assert [one.name for one in MethodSpec(weights, ()).methods] == ["mine"]
    with pytest.raises(InputError, match=r"expected baselines of bicubic.*found cubic"):
        _ = MethodSpec(None, ("cubic",)).methods


@pytest.mark.skipif(not has_gdal(), reason="gdal_pansharpen.py isn't installed")
def test_gdal_sharpens_several_images_as_it_does_each_alone():
    pan, mul = (
        torch.cat([*images])
        for images in zip(pairs.smooth_pair(20, 24), pairs.smooth_pair(20, 24, 1), strict=True)
    )
    together = gdal_pansharpen(pan, mul)
    alone = torch.cat([gdal_pansharpen(pan[n : n + 1], mul[n : n + 1]) for n in range(2)])
    inside = (..., slice(8, -8), slice(8, -8))
    assert together.shape == (2, 8, 80, 96)
    assert torch.allclose(together[inside], alone[inside], atol=2 / SCALE)
    # Weighted Brovey: mul enlarged, times pan over the mean of bands.
    assert float((together.mean(1, keepdim=True) - pan)[inside].abs().max()) < 0.02


def test_workers_open_the_methods_and_the_weights_that_the_run_began_with(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = MethodSpec("mine.safetensors").for_workers()
    assert (spec.weights, spec.baselines) == (str(weights), baseline_names())
    monkeypatch.chdir("/")
    assert [method.name for method in replace(spec).methods] == [*baseline_names(), "mine"]
    save_model(Sharpener(Architecture(width=8, depth=3)), weights)
    with pytest.raises(WeightsError, match="expected the weights that the run began with"):
        _ = replace(spec).methods
