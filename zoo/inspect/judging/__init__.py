"""How far a map can be trusted: sanity checks and faithfulness, as numbers.

Users call `zoo.inspect.sanity_check` and `zoo.inspect.faithfulness`, and the captions of maps show
the results.
"""
