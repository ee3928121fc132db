"""Commands that train many models to answer a question about them.

`reproduce` runs the experiments of the reports again. Only `zoo.cli` imports this room.
"""
