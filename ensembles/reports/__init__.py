"""Reports on a trained committee: numbers, tables and pictures made of the measures.

`measure_table` has the measures that all outputs show. `verdict` answers whether the committee is
better than its best member. `leaderboard`, `analysis` and `report` hold the results, `tables` and
`figures` draw them, and `saving` writes them to files. Used by `Committee.report`, `compare` and
the model card.
"""
