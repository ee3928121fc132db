"""How pixels are stored in files: each module turns bytes of one format into arrays.

`conversion` gives images the size and the colour that the user asked for. Used by the data
sets in `zoo.datasets.sources`.
"""
