"""The part about the training: the learning curves of the run."""

from zoo.errors import ZooError
from zoo.inspect.curves.learning import learning_curves
from zoo.inspect.page_parts.subject import Contents, LeftOut, Subject
from zoo.pages.parts import figure, row

METRICS = ("accuracy", "loss")


def show_learning(subject: Subject) -> Contents:
    """Show accuracy and loss over the epochs, for the training and the validation images."""
    if subject.run_folder is None:
        raise LeftOut("The model does not lie in the folder of its training, which has the curves.")
    try:
        curves = [learning_curves(subject.run_folder, metric) for metric in METRICS]
    except ZooError as error:
        raise LeftOut(f"The run folder has no curves. {error}") from error
    epochs = len(curves[0].epochs)
    drawn = [
        figure(curve.plot(), description=f"{curve.metric} over the epochs") for curve in curves
    ]
    return Contents([row(*drawn)], f"{epochs} epochs")
