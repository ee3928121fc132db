"""Looking at a data set: the sheet of sample images, and images that occur twice.

`ImageData.show`, `ImageData.duplicates` and `zoo data show` come in here.
"""
