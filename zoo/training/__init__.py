"""Training: from models, recipes and images to trained models, curves and a run folder.

`train` is the way in. It makes groups of `Learner`s, models with recipes, that see the same
batches. `loop` goes through the epochs of a group, `phases` says what they train on, and `lockstep`
takes the training steps, with models run as one where `fusion` finds that possible. `scores` is the
table of an epoch's scores, `recording` brings the scores to history, TensorBoard and `progress`,
and `checkpoint` keeps in a `run_folder` what resuming needs. `statistics` computes what
standardisation and mean weights need of the training images, and `distillation` has the teacher.
Used by `zoo.ensembles` and by the command line.
"""

from zoo.training.distillation import Teacher
from zoo.training.train import train

__all__ = ["Teacher", "train"]
