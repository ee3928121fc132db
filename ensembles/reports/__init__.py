"""What is told about a trained committee: numbers, tables and pictures made of the measures.

`measure_table` is the one table of measures that all outputs are drawn from; `verdict` is the
answer to "is the committee better than its best member?", computed once; `leaderboard`, `analysis`
and `report` are the values; `tables` and `figures` draw them; `saving` writes them to files. Used
by `Committee.report`, `compare` and the model card.
"""
