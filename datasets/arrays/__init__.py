"""Images, labels and weights as users hand them over: arrays, pairs and streams of batches.

`images` checks pixels and their layout, `labels` checks labels, class names and sample weights, and
`streams` reads a `tf.data.Dataset` or a `keras.utils.PyDataset`. Used by `zoo.datasets.split` and
`zoo.ensembles.checks`.
"""
