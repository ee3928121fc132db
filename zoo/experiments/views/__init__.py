"""Figures and measurements of an experiment: what is looked at after the training.

`choices` reads which of them an experiment's file names. `drawing` has the figures, and `measuring`
the measurements, such as gradients against differences. `backpropagation` measures what a gradient
costs. `finishing` does what an earlier call has not done yet.
"""
