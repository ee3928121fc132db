"""Training: from models, recipes and images to trained models, curves and a run folder.

`train` is the way in. It makes a `Learner` of each model, `loop` goes through the epochs, and
`lockstep` trains the models of one group on the same batches. `fusible`, `fused` and `model_group`
decide which models run side by side as one wide model, and run them. `averaging`, `distillation`
and `standardize` are what a recipe may ask for beside that; `run_folder` keeps what resuming needs,
and `progress` shows how far a training is. Committees come in here.
"""

from zoo.training.train import train

__all__ = ["train"]
