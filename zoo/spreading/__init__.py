"""Spreading: independent pieces of work run in other processes, here or on other machines.

A piece is JSON values and arrays, never a pickled model. `run_pieces` gives pieces to the workers
of a joblib backend (`backends`), and answers for each piece that fails or whose worker dies
(`rounds`). While a piece runs, its worker talks to this process over a connection (`messages`):
`listening` is this end of the connection, and `worker` is the other end. `sharing` says how images
reach the workers. Used by `zoo.training`, `zoo.tuning` and the command line.
"""

from zoo.spreading.backends import check_jobs, on_cluster
from zoo.spreading.listening import Piece
from zoo.spreading.rounds import run_pieces

__all__ = ["Piece", "check_jobs", "on_cluster", "run_pieces"]
