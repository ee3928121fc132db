"""What learners train on, and by which network, in a phase of their training.

A phase lasts until frozen layers are unfrozen, or until small images get their full size. `phase`
chooses the images, their features or smaller images, and makes the arithmetic for them.
`small_images` makes images smaller, and networks that take them. Used by `zoo.training.loop`, and
for its checks by `zoo.training.train` and by sweeps.
"""
