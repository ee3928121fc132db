"""The cache: decoded images on disk, memory-mapped, so that a data set is decoded only once.

`entries` has what is kept and how to clear it; `fingerprint` tells whether files have changed.
`zoo.datasets.load` and `zoo data cache` come in here.
"""

from zoo.datasets.cache.store import cache_root, clear, entries

__all__ = ["cache_root", "clear", "entries"]
