"""The data sets of the zoo."""
