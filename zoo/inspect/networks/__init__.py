"""Running a network and listening to its layers.

Here the outputs of layers are recorded, in nested models too, the softmax at the end is left out,
and the backward pass of ReLU is changed for a while. No model and no weight is altered. The other
rooms of `zoo.inspect` use it.
"""
