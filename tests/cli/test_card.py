import json


def test_files_and_json(run_cli, trained, tmp_path):
    code, out, _ = run_cli("card", trained, "-o", tmp_path / "card")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "card").iterdir()) == ["card.html", "card.md"]
    assert "limit: nothing is known of the quality of the labels: no evaluation" in out
    assert (tmp_path / "card" / "card.md").read_text(encoding="utf-8").startswith("# Model card: unet")
    code, _, err = run_cli("card", trained, "-o", tmp_path / "card")
    assert code == 2
    assert "exists" in err
    code, out, _ = run_cli("card", trained, "-o", tmp_path / "card", "--overwrite", "--json")
    assert code == 0
    titles = [section["title"] for section in json.loads(out)["sections"]]
    assert titles == [
        "Model", "Data and split", "Input", "Training", "Scores", "Calibration", "Limits", "Cost", "Files",
    ]  # fmt: skip


def test_the_run_is_the_folder_of_its_card(run_cli, trained, tmp_path):
    import shutil

    run = shutil.copytree(trained, tmp_path / "run")
    assert run_cli("card", run)[0] == 0
    assert (run / "card.html").is_file()
    assert run_cli("card", run, "--overwrite")[0] == 0


def test_mistakes_are_one_line(run_cli, trained, tmp_path):
    code, _, err = run_cli("card", tmp_path)
    assert code == 2
    assert err.count("\n") == 1
    assert "model.json" in err
    code, _, err = run_cli("card", trained, "--evaluation", tmp_path)
    assert code == 2
    assert err.count("\n") == 1
