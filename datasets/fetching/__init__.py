"""Fetching a data set's files from their owner, with checksums, where programs may do so.

`mirrors` fetches one file with pooch, `remotes` the files of a data set that are missing. FaceScrub
is a list of addresses on the web: `facescrub_pictures` fetches its pictures through `public_web`,
which asks public addresses only. Used by `zoo.datasets.download` and `load(download=True)`.
"""
