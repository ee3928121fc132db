"""The data sets: one file for each, with its description and its function `read`.

`zoo.datasets.loading` comes in here.
"""
