"""Images worth looking at: confident mistakes, disputed images, labels that may be wrong.

Users call these functions through `zoo.inspect`, and the page of `zoo inspect` shows their results.
"""
