"""TensorBoard's table of hyperparameters: the columns, their order and their titles."""

from collections.abc import Mapping, Sequence
from typing import Any

FIRST_COLUMNS = ("model", "learning_rate")
"""The settings in the first columns of TensorBoard's table of hyperparameters, in their order."""

BUILDER = "builder."
"""The names of settings of the model itself, such as the arguments of its builder, begin so."""

TEST_SCORES = {
    "test/accuracy": "test accuracy",
    "test/macro_f1": "test macro F1",
    "test/negative_log_likelihood": "test loss (NLL)",
}
"""Tag of a score in the report on the test images → its title in the table of hyperparameters."""


def score_tag(key: str) -> str:
    """Give the tag of a score in TensorBoard.

    Args:
        key: The name of the score as in Keras, such as `"val_accuracy"`.

    Returns:
        The tag.

    Example:
        >>> score_tag("val_accuracy"), score_tag("loss"), score_tag("learning_rate")
        ('accuracy/validation', 'loss/train', 'learning_rate')
    """
    if key == "learning_rate":  # the learning rate belongs to no images
        return key
    part = "validation" if key.startswith("val_") else "train"
    return f"{key.removeprefix('val_')}/{part}"


def column(setting: str) -> str:
    """Give the name of a setting's column.

    TensorBoard sorts the columns by their names, whatever their order in the log. So the names
    begin with a number: after the first columns come the settings of the training, and then those
    of the model itself, which often differ between models.

    Args:
        setting: The name of the setting.

    Returns:
        The name of the column.

    Example:
        >>> column("learning_rate"), column("batch_size"), column("builder.hidden")
        ('2. learning_rate', '3. batch_size', '4. builder.hidden')
    """
    if setting in FIRST_COLUMNS:
        group = FIRST_COLUMNS.index(setting) + 1
    else:
        group = 4 if setting.startswith(BUILDER) else 3
    return f"{group}. {setting}"


def table_of_hyperparameters(
    settings: Mapping[str, Mapping[str, Any]], score_tags: Sequence[str]
) -> bytes:
    """Describe the columns of TensorBoard's table of hyperparameters.

    Args:
        settings: Name of a model → name of a setting → number, text or truth value.
        score_tags: The tags of the scores whose best values are columns.

    Returns:
        The bytes of a summary.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    values: dict[str, set[Any]] = {key: set() for key in FIRST_COLUMNS}
    for row in settings.values():
        for key, value in row.items():
            values.setdefault(key, set()).add(value)
    columns = [
        api_pb2.HParamInfo(
            name=column(key),
            display_name=key,
            differs=key in FIRST_COLUMNS or len(different) > 1,  # TensorBoard puts these first
        )
        for key, different in values.items()
    ]
    titles = {f"best/{tag}": f"best {_title(tag)}" for tag in score_tags}
    scores = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=title)
        for tag, title in (titles | TEST_SCORES).items()
    ]
    experiment = api_pb2.Experiment(
        hparam_infos=sorted(columns, key=lambda column: not column.differs), metric_infos=scores
    )
    content = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    summary = Summary()
    summary.value.add(
        tag=metadata.EXPERIMENT_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return summary.SerializeToString()


def _title(tag: str) -> str:
    """Write a score's tag in words, such as `validation accuracy`."""
    return " ".join(reversed(tag.split("/")))
