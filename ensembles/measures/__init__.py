"""Measures of probabilities and votes, as pure functions over arrays, members first.

How good (`scores`, `calibration`), how sure (`uncertainty`), how different (`diversity`), what each
member contributes (`contributions`), and what of it may be chance (`significance`, `bootstrap`).
The reports come in here.
"""
