"""Combining: from the members' probabilities to one answer, and which members to ask.

`voting` has the rules as pure functions, `rules` has them as values that work on arrays and on
tensors; `selection` chooses members and weights, `bagging` gives each member images of its own.
The committee, its measures and its reports come in here.
"""
