"""`densa info` and `densa models`."""

import json

import pytest


def test_info_counts_parameters_without_allocating(run_cli):
    code, out, _ = run_cli("info", "segnet", "--bands", 3, "--classes", 11, "--json")
    content = json.loads(out)
    assert code == 0
    assert content["parameters"] == 29_449_355
    assert {"receptive_field", "halo", "stride", "model_megabytes"} <= set(content)
    assert content["halo"] % content["stride"] == 0
    assert content["model_megabytes"] == pytest.approx(117.9, abs=0.1)


def test_info_of_a_run_names_its_bands_and_record(run_cli, trained):
    code, out, _ = run_cli("info", trained, "--json")
    content = json.loads(out)
    assert code == 0
    assert content["input"]["n_bands"] == 1
    assert content["classes"] == ["ground", "square"]
    assert content["training"]["step"] <= 60
    assert run_cli("info", trained)[0] == 0


def test_models_lists_the_networks(run_cli):
    code, out, _ = run_cli("models", "--json")
    assert code == 0
    assert {"unet", "unet-valid", "segnet"} <= {row["name"] for row in json.loads(out)}
