"""Looking at a data set: sample sheets, mean images, counts and duplicates.

`show` draws the sheets with `sheet`, `duplicates` finds images that occur twice. Used by
`ImageData.show` and `ImageData.duplicates`.
"""
