"""Class activation maps: the feature maps of a layer, weighted by how much they matter.

A_k is the k-th feature map of the layer, [rows, columns], S the score of the class, and all maps
are brought to the size of the image by bilinear interpolation. The layer is by default the last
convolution, with the activation behind it. The maps end in a ReLU, as the authors define them: they
show what speaks for the class.
"""

from typing import Any

import tensorflow as tf

from zoo.inspect.explaining.methods import method
from zoo.inspect.explaining.network import Network
from zoo.inspect.explaining.pixels import enlarged


@method("Grad-CAM", uses_layer=True)
def grad_cam(network: Network, images: Any, targets: Any) -> Any:
    """Feature maps weighted by their mean gradients (Selvaraju et al., 2017).

    `ReLU(Σ_k α_k A_k)` with `α_k = 1/Z Σ_ij ∂S/∂A_k[i, j]`, where Z is the number of positions.
    """
    features, gradients = network.feature_gradients(images, targets)
    weights = tf.reduce_mean(gradients, axis=(2, 3))
    return _positive(network, tf.einsum("nkc,nijc->nkij", weights, features))


@method("Grad-CAM++", uses_layer=True)
def grad_cam_plus_plus(network: Network, images: Any, targets: Any) -> Any:
    """Feature maps weighted by positive gradients, each position by itself (Chattopadhay, 2018).

    `ReLU(Σ_k w_k A_k)` with `w_k = Σ_ij α_k[i, j] ReLU(g_k[i, j])`, where `g_k = ∂S/∂A_k` and
    `α_k = g_k² / (2 g_k² + g_k³ Σ_ab A_k[a, b])`, 0 where the denominator is 0. The authors
    differentiate exp(S), which multiplies each map by the number exp(S); it is left out here.
    """
    features, gradients = network.feature_gradients(images, targets)
    totals = tf.reduce_sum(features, axis=(1, 2))[:, None, None, None]
    squares = gradients**2
    shares = tf.math.divide_no_nan(squares, 2 * squares + squares * gradients * totals)
    weights = tf.reduce_sum(shares * tf.nn.relu(gradients), axis=(2, 3))
    return _positive(network, tf.einsum("nkc,nijc->nkij", weights, features))


@method("LayerCAM", uses_layer=True)
def layer_cam(network: Network, images: Any, targets: Any) -> Any:
    """Feature maps weighted by positive gradients position by position (Jiang et al., 2021).

    `ReLU(Σ_k ReLU(∂S/∂A_k) ⊙ A_k)`. It is also made for earlier layers, with finer maps.
    """
    features, gradients = network.feature_gradients(images, targets)
    return _positive(network, tf.einsum("nkijc,nijc->nkij", tf.nn.relu(gradients), features))


@method("Score-CAM", uses_layer=True, slow=True)
def score_cam(network: Network, images: Any, targets: Any) -> Any:
    """Feature maps weighted by the answer to what they leave of the image (Wang et al., 2020).

    `ReLU(Σ_k α_k A_k)` with `α_k = P(x ⊙ H_k)`, the probability of the class, where H_k is A_k in
    the size of the image, scaled to 0..1. The paper subtracts the probability of a black image, and
    the authors' program does not. A feature map of equal values leaves a black image.
    """
    features = network.features(images)
    maps = tf.transpose(features, (0, 3, 1, 2))
    black = tf.zeros((1, 1, 1, images.shape[-1]))
    # A map of zeros adds nothing, whatever its weight is.
    pairs = tf.where(tf.reduce_any(maps != 0, axis=(2, 3)))
    weights = []
    for group in network.groups(len(pairs), images, network.forward_size):
        chosen = tf.gather_nd(maps, pairs[group])[:, None]
        masks = _scaled(enlarged(chosen, *network.image_shape[:2]))
        rows = pairs[group, 0]
        scores = network.masked_scores(tf.gather(images, rows), masks, black)[:, 0]
        classes = tf.gather(targets, rows)
        weights.append(tf.gather(network.probabilities(scores), classes, batch_dims=1))
    if not weights:
        return tf.zeros((*targets.shape, *network.image_shape[:2]))
    shape = (*maps.shape[:2], targets.shape[1])
    table = tf.scatter_nd(pairs, tf.concat(weights, axis=0), tf.constant(shape, tf.int64))
    return _positive(network, tf.einsum("nck,ncij->nkij", table, maps))


def _positive(network: Network, maps: Any) -> Any:
    """Keep what speaks for the class, and bring the maps to the size of the image."""
    return enlarged(tf.nn.relu(maps), *network.image_shape[:2])


def _scaled(maps: Any) -> Any:
    """Scale each map to 0..1."""
    low, high = (
        reduce(maps, axis=(2, 3), keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max)
    )
    return tf.math.divide_no_nan(maps - low, high - low)
