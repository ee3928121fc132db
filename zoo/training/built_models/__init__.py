"""Models that were built already, of any origin: whether they can be members, and how they train.

`interface` checks the shapes and that the answers are probabilities; `saving_check`, that a saved
model can be loaded again; `pixel_range`, that the model takes pixels from 0 to 255. `logits` finds
what a softmax is computed from, and `statistics` sets what layers know of the training images.
`fast_kernels` computes the training steps of some layers by faster kernels. `compile_settings`
makes a recipe of what `keras.Model.compile` was given, and `fit_arguments` names what stands here
for the arguments that only `keras.Model.fit` has. Used by `zoo.training.train` and by
`zoo.ensembles`.
"""
