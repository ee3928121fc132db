"""Measures of probabilities and votes: pure functions over arrays, members first.

How good answers are (`scores`, `calibration`), how sure (`uncertainty`), how different the members
are (`diversity`, `pairwise`), what each member contributes (`contributions`), and what may be luck
(`significance`, `bootstrap`). Used by the reports. No measure loads
TensorFlow.
"""
