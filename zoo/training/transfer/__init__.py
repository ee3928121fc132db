"""Training a part of a network: frozen layers, their features, and lower rates for lower layers.

`freezing` keeps the layers below the head as they are for a while. `feature_splits` computes what
these layers make of all images, once, and `heads` finds the layers that still have to run then.
`layer_rates` lowers the learning rate from layer to layer. `zoo.training.learner` and
`zoo.training.phases` call these modules as the recipe of a model asks for it.
"""
