"""How pixels are stored in files: JPEG and PNG, MATLAB, pickle, and CSV files of pixels.

Each module turns bytes of one format into arrays, or raises a `DataError` that names the file.
`conversion` gives images the size and the colour that the user asked for. The data sets in
`zoo.datasets.sources` come in here.
"""
