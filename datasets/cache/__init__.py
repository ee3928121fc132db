"""The cache: decoded images on disk, memory-mapped, so that a data set is decoded only once.

`store` reads and writes entries, `entries` lists and deletes them, and `fingerprint` tells whether
the files of a data set have changed. Used by `zoo.datasets.load` and `zoo data cache`.
"""

from zoo.datasets.cache.entries import cache_root, clear, entries

__all__ = ["cache_root", "clear", "entries"]
