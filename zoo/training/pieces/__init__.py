"""Groups of models that train in other processes, as pieces.

`describing` makes a piece of a group of learners: architectures, recipes, seeds and first weights,
never a pickled model. `in_worker` trains a piece in a worker, by the same loop as any training, and
sends scores and states. `in_trainer` is the other side, in the process that called `train`: it
writes them to the run folder, TensorBoard and the progress, and gives the models their weights.
Used by `zoo.training.train`.
"""
