"""The page of a model: all that can be seen of a model or a committee, as one HTML file.

`making.model_page` makes the page, which `zoo inspect` writes. `contents` lists the parts of the
page in their order: a new part is a function and a line there. `subject` is what the parts look at,
and computes once what several parts need. The other modules make the parts: `answers` (report,
learning curves, confusion matrix, confidence, members), `images` (labels that may be wrong,
mistakes, disputed images) and `networks` (saliency, weights, dead units). `paths` checks where the
page may be written.
"""
