"""The loss as a landscape over the weights, with the paths of trainings and barriers in between.

Users call `zoo.inspect.landscape` and `zoo.inspect.barrier`; nothing else in the package does.
"""
