"""Running a network and listening to its layers.

Here the outputs of layers are recorded, in nested models too, the softmax at the end is left out,
and the backward pass of ReLU is changed for a while. No model and no weight is altered. The other
rooms of `zoo.inspect` use it:

- `recording.record(model, images, layers)` gives logits and outputs of layers as arrays,
  `record_blocks` block by block;
- `running.forward(model, tensor, layers)` gives the same as tensors inside a `tf.function`, for
  `tf.gradients`, and `running.layer_calls` lists which layers a run calls, with their shapes;
- `layer_names.layers_by_path` and `find_layer` name layers, such as `"vgg/block3_conv1"`;
- `feature_maps.feature_layer` finds the last feature map before the pooling, and
  `has_channels_first` tells the order of the axes of its output;
- `rectifiers.modify_relus(tensor, rule)` changes the gradient of each ReLU in the traced graph;
- `interception.observed_calls` and `in_float32` change how Keras runs layers in a block;
- `progress.progress_bar` shows how far long work is.
"""
