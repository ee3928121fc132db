"""Files: where those of a data set are, and folders, zip and tar archives as one tree.

`locations` finds a data set's archive or folder, `tree` and `archive` list and open what is in it,
and `class_folders` says which folders are classes. `mapped` has arrays whose pixels stay in a file.
The formats, the data sets and the cache come in here.
"""
