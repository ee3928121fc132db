"""Single units and weights: what makes a unit active, units that never are, kernels as images.

Users call these functions through `zoo.inspect`, and the page of `zoo inspect` shows their results.
"""
