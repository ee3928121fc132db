"""Trained committees: from a saved file, or from a set of weights that comes with the package.

`pretrained` makes a committee of a set of weights. `committee_of` takes what a user names as a
model, the path of a saved model or the name of a set; the commands find their model by it.
"""
