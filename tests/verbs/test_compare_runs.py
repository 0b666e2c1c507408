"""The runs of a comparison: which are kept, continued or replaced."""

import pytest

import densa
from densa.verbs import compare_runs
from densa.verbs.compare_plan import entries_of, plan


def test_the_old_run_is_kept_where_its_retraining_is_interrupted(loose, tmp_path, monkeypatch):
    output, entries = tmp_path / "report", entries_of("pixel-forest")
    quick = {"samples": 200, "accuracy_only": True, "pictures": 0}
    densa.compare(loose, ["pixel-forest"], output=output, trees=2, **quick)

    def state(trees):
        options = {"data": loose, "trees": trees, "samples": 200}
        planned = plan(entries, None, options, None)
        return compare_runs.state_of_run(planned, entries[0], output).split()[0]

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    assert (state(2), state(3)) == ("keep", "replace")
    with monkeypatch.context() as patched:
        patched.setattr(compare_runs, "train_from_config", interrupted)
        with pytest.raises(KeyboardInterrupt):
            densa.compare(loose, ["pixel-forest"], output=output, overwrite=True, trees=3, **quick)
    assert (state(2), state(3)) == ("keep", "replace")
    # As if it had been interrupted after it took the place of the old one.
    config = output / "runs" / "pixel-forest" / "config.yaml"
    config.write_text(config.read_text().replace("trees: 2", "trees: 3"))
    assert (state(2), state(3)) == ("replace", "continue")
    densa.compare(loose, ["pixel-forest"], output=output, overwrite=True, trees=3, **quick)
    assert (state(2), state(3)) == ("replace", "keep")
