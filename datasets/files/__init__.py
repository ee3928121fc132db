"""Files: where a data set's files are, and folders, zip and tar archives read in the same way.

`locations` finds a data set's archive or folder, `tree` and `archive` list and open the files in
it, and `class_folders` says which folders are classes. `checks` hashes files and refuses what must
not be read; `mapped` has arrays whose pixels stay in a file. Used by the formats, the
data sets and the cache.
"""
