"""Combining: how the members' probabilities become the committee's, and which members take part.

Each rule of combination has a module with its `Definition`: `majority`, `soft`, `geometric` and
`logistic_regression` (the rule "stacking"). `rules` has the table of all rules, and `Rule`, a rule
with its parameters. `voting` offers the rules as pure functions. `selection` chooses members and
weights, and `bagging` draws training images for each member. Used by the committee, the measures
and the reports.
"""
