"""The sweeps of experiments: what their file says, and what their results keep.

- `settings`: which settings of a member vary, and over which values;
- `trials`: the accuracies of the trials, as a table.
"""
