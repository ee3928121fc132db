"""Fetching a data set's files from its owner, with checksums, where the owner lets programs do so.

`zoo.datasets.download` and `load(download=True)` come in here.
"""
