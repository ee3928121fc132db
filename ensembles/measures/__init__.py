"""Measures of probabilities and votes: pure functions over arrays, members first.

How good answers are (`scores`, `calibration`, `precision_recall`), how sure (`uncertainty`), how
different the members are (`diversity`, `pairwise`), what each member contributes (`contributions`),
and what may be luck (`significance`, `bootstrap`). Used by the reports. No measure loads
TensorFlow.

These arguments have the same meaning in all functions. The docstring of a function gives their
shapes, and adds only what is special there:

- `probabilities`: the probabilities of one classifier, float [n, classes], or of several members,
  float [members, n, classes]. Each row sums to 1. The answer to an image is the most probable
  class; among equally probable classes, the class with the lowest id.
- `votes`: the class ids that the members answer, int [members, n].
- `labels`: the true class ids, int [n], of one image or more.
- `weights`: how much each member counts, float [members], numbers of 0 or more. Only the ratios of
  the weights matter. None gives each member the same weight.
- `bins` and `binning`: how many bins of confidence the images are put into, and how. `"width"`
  makes bins of equal width, each with its upper end. `"mass"` makes bins of equally many images
  (Nixon et al., 2019); images of equal confidence share the bin of their middle rank, so that the
  order of the images does not matter.
- `resamples`, `confidence` and `seed`: the images are drawn again with replacement, `resamples`
  times, and the fraction `confidence` of the results lies within the interval. The same `seed`
  draws the same images.

An argument of another shape, type or range raises an `ArgumentError`.
"""
