"""Looking at a data set: sample sheets, mean images, counts, duplicates, and images to leave out.

`show` draws the sheets with `sheet`, `duplicates` finds images that occur twice. Used by
`ImageData.show` and `ImageData.duplicates`. `exclusion` leaves out the images that a list names.
Used by `load`. `near_duplicates` finds images that were mirrored, shifted or recompressed, by the
hashes of `perceptual_hash`. Used by `zoo.datasets.near_duplicates` and `zoo.inspect`.
"""
