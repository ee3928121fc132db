"""The page of a model: all that can be seen of a model or a committee, as one HTML file.

`making.model_page` makes the page, which `zoo inspect` writes. `contents` lists its parts in their
order: a new part is a function and a line there. `subject` is what the parts look at, and computes
once what several parts need. The other modules make the parts: `answers` (report, confusion matrix,
confidence, members), `images` (suspects, mistakes, disputed images), `networks` (saliency, weights,
dead units) and `training` (learning curves).
"""
