from zoo.experiments.sweeps.trials import SweepResult, TrialResult

TRIALS = (
    TrialResult({"l2": 0.5, "hidden": [512, 64]}, 0.5, 0.4, 0.01, 0.02),
    TrialResult({"l2": 0.0, "hidden": [64]}, 0.7, 0.3, 0.0, 0.0, "diverged"),
    TrialResult({"l2": 0.0, "hidden": [512]}, float("nan"), 0.2, 0.0, 0.0),
)


def test_trials_stand_in_the_order_of_their_settings():
    header, rows = SweepResult("net", TRIALS, 100, []).table()
    assert header[:2] == ["l2", "hidden"]
    assert rows == [
        ["0.0", "512", "–", "20.0", ""],
        ["0.0", "64", "70.0", "30.0", "diverged"],
        ["0.5", "512-64", "50.0 ± 1.0", "40.0 ± 2.0", "best"],
    ]


def test_the_remark_names_the_best_trial():
    sweep = SweepResult("net", TRIALS, 100, ["l2=0.0, hidden=64"])
    assert sweep.remarks() == {"net": "best of 3: l2=0.5, hidden=512-64"}
    assert sweep.sentence().endswith("Not worse beyond chance: l2=0.0, hidden=64.")
