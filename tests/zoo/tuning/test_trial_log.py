from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2


def test_a_sweep_has_one_run_for_each_trial_with_the_varied_settings(swept):
    runs = sorted(path.name for path in (swept.log_dir / "models").iterdir())
    assert runs == [f"trial-{number}" for number in range(6)]
    trial = swept.trials[1]
    events = EventAccumulator(str(swept.log_dir / "models/trial-1")).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    values = {name: value.number_value for name, value in start.hparams.items()}
    del values["1. model"]
    expected = {"2. learning_rate": "learning_rate", "3. momentum": "momentum"}
    assert values == {column: trial.parameters[name] for column, name in expected.items()}
