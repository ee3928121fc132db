"""Answers about pictures: which files are meant, their pixels, and what a committee says of them.

`files` finds the pictures in folders and by patterns, `pictures` reads pictures in blocks as the
data sets are read, and `answer` makes an `Answer` of the probabilities of the members. None of them
imports TensorFlow. `zoo.ensembles.models.voting_model` and the command `zoo predict` use them.
"""
