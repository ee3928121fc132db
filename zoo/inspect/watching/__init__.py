"""What networks look like as they train: pictures, numbers and graphs for TensorBoard.

`saliency_log`, `histogram_log` and `graph_log` are Keras callbacks for `fit(callbacks=[...])` of a
committee or a model. They look at each member, together or apart, and write into the folder of the
member in the run folder. `feature_log` writes the features of images for TensorBoard's projector,
after a training. Users and the command line come in through the names in `zoo.inspect`.
"""
