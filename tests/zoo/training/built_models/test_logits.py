"""Training follows the exact gradient, softmax(z) − y, also where probabilities round to 0."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import zoo
from zoo import Recipe
from zoo.training.built_models.logits import logits_for_loss
from zoo.training.fusion import ModelGroup
from zoo.training.scores import TrainingLoss

SHAPE = (1, 1, 2)
LOGITS = np.array([50.0, -50.0, 0.0])
LABEL = 1  # sure, and wrong: the probability is e^-100


def functional(*ends, **config):
    """Build a model whose layer "logits" stands before the layers or functions `ends`."""
    x = inputs = keras.Input(SHAPE)
    for layer in (layers.Flatten(), layers.Dense(3, name="logits"), *ends):
        x = layer(x)
    return keras.Model(inputs, x, **config)


def with_activation(library, activation="softmax"):
    inputs = keras.Input(SHAPE)
    dense = library.Dense(3, activation=activation, name="logits")
    return keras.Model(inputs, dense(layers.Flatten()(inputs)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.logits = layers.Dense(3, name="logits")

    def call(self, x):
        return tf.nn.softmax(self.logits(tf.reshape(x, [-1, 2])))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, *SHAPE)))
    return model


def sequential():
    parts = [keras.Input(SHAPE), layers.Flatten(), layers.Dense(3, name="logits")]
    return keras.Sequential([*parts, layers.Softmax()])


def nested():
    inputs = keras.Input(SHAPE)
    inner = sequential()
    return keras.Model(inputs, inner(inputs))


def by_positions():
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(3, 1, name="logits")(inputs)
    return keras.Model(inputs, layers.Flatten()(layers.Softmax()(x)))


KINDS = {
    "a softmax layer": lambda: functional(layers.Softmax()),
    "an activation layer": lambda: functional(layers.Activation("softmax")),
    "a softmax layer by hand": lambda: functional(zoo.layers.Softmax()),
    "an activation": lambda: with_activation(layers),
    "an activation by hand": lambda: with_activation(zoo.layers),
    "a function of Keras": lambda: functional(keras.ops.softmax),
    "a softmax of another dtype": lambda: functional(layers.Softmax(dtype="float64")),
    "Sequential": sequential,
    "subclassed": subclassed,
    "nested": nested,
    "a convolution": by_positions,
}


def logits_layer(model):
    models = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return logits_layer(models[0]) if models else model.get_layer("logits")


def saturate(model, logits=LOGITS):
    layer = logits_layer(model)
    kernel, _ = layer.get_weights()
    layer.set_weights([np.zeros_like(kernel), logits])
    return layer


def changes_of_bias(models, label=LABEL, recipe=None, shares=None, weights=None, **settings):
    """Take a step of gradient descent at rate 1, and give how each bias changes."""
    recipes = [recipe or Recipe()] * len(models)
    optimizers = [keras.optimizers.SGD(1.0) for _ in models]
    for model, optimizer in zip(models, optimizers, strict=True):
        optimizer.build(model.trainable_variables)
    biases = [logits_layer(model).bias for model in models]
    before = [np.asarray(bias) for bias in biases]
    group = ModelGroup(models, optimizers)
    loss = TrainingLoss(recipes, **settings)
    active = [True] * len(models)

    @tf.function
    def step(images):
        of_batch = loss.of_batch(images, tf.constant([label]), shares, weights)
        return group.train(images, of_batch, tf.constant(active))[1]

    group.load(active)
    losses = step(tf.ones((1, *SHAPE))).numpy()
    group.store(active)
    return [
        np.asarray(bias) - old for bias, old in zip(biases, before, strict=True)
    ], losses  # fmt: skip


def exact_gradient(targets, logits=LOGITS):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum() - targets


ONE_HOT = np.eye(3)[LABEL]


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_exact_where_a_probability_rounds_to_0(kind):
    model = KINDS[kind]()
    saturate(model)
    (change,), losses = changes_of_bias([model])
    np.testing.assert_allclose(change, -exact_gradient(ONE_HOT), atol=1e-5)
    np.testing.assert_allclose(losses, [100], rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
def test_the_gradient_is_exact_in_other_precisions(policy):
    keras.config.set_dtype_policy(policy)
    try:
        models = [functional(layers.Softmax(dtype=dtype)) for dtype in ("float32", None, None)]
    finally:
        keras.config.set_dtype_policy("float32")
    for model in models:
        saturate(model)
    for change in changes_of_bias(models)[0]:
        np.testing.assert_allclose(change, -exact_gradient(ONE_HOT), atol=1e-4)


def test_the_gradient_is_exact_in_a_wide_model():
    models = [functional(layers.Softmax()) for _ in range(2)]
    more = functional(layers.Activation("linear"), layers.Softmax())
    saturate(models[0])
    saturate(models[1], LOGITS[::-1])
    saturate(more, np.zeros(3))
    group = ModelGroup([*models, more])
    assert len(group.parts) == 1
    (first, second, third), losses = changes_of_bias([*models, more])
    np.testing.assert_allclose(first, -exact_gradient(ONE_HOT), atol=1e-5)
    np.testing.assert_allclose(second, -exact_gradient(ONE_HOT, LOGITS[::-1]), atol=1e-5)
    np.testing.assert_allclose(third, -exact_gradient(ONE_HOT, np.zeros(3)), atol=1e-5)
    np.testing.assert_allclose(losses, [100, 100, np.log(3)], rtol=1e-5)


@pytest.mark.parametrize("order", [1, -1])
def test_the_gradient_of_two_classes_by_a_sigmoid_is_exact(order):
    inputs = keras.Input(SHAPE)
    share = layers.Dense(1, activation="sigmoid", name="logits")(layers.Flatten()(inputs))
    model = keras.Model(inputs, layers.Concatenate()([1 - share, share][::order]))
    saturate(model, np.array([60.0]))
    (change,), losses = changes_of_bias([model], label=0 if order == 1 else 1)
    np.testing.assert_allclose(change, [-1], atol=1e-5)
    np.testing.assert_allclose(losses, [60], rtol=1e-6)


def test_weights_of_images_and_classes_scale_the_exact_gradient():
    models = [functional(layers.Softmax()) for _ in range(2)]
    for model in models:
        saturate(model)
    balanced = Recipe(class_weight="balanced")
    weights = tf.constant([[3.0], [0.5]])
    changes, _ = changes_of_bias(
        models, recipe=balanced, weights=weights, class_weights=[[1, 2, 1], [1, 4, 1]]
    )
    for change, factor in zip(changes, (6, 2), strict=True):
        np.testing.assert_allclose(change, -factor * exact_gradient(ONE_HOT), atol=1e-4)


def test_the_gradient_of_shares_of_votes_is_exact():
    model = functional(layers.Softmax())
    saturate(model)
    shares = np.array([[0.25, 0.5, 0.25]])
    (change,), _ = changes_of_bias([model], recipe=Recipe(targets="shares"), shares=shares)
    np.testing.assert_allclose(change, -exact_gradient(shares[0]), atol=1e-5)


@pytest.mark.parametrize("targets", [None, "shares"])
def test_smoothed_labels_divide_a_share_of_the_target_among_all_classes(targets):
    model = functional(layers.Softmax())
    saturate(model)
    recipe = Recipe(label_smoothing=0.3, targets=targets, class_weight="balanced")
    shares = np.array([[0.25, 0.5, 0.25]])
    given = shares[0] if targets else ONE_HOT
    (change,), _ = changes_of_bias([model], recipe=recipe, shares=shares, class_weights=[[1, 2, 1]])
    np.testing.assert_allclose(change, -2 * exact_gradient(0.7 * given + 0.1), atol=1e-5)


def test_the_gradient_of_a_teacher_is_exact():
    """A student who knows what the teacher knows, and is sure of it, learns nothing."""
    teacher, knows, wrong = (functional(layers.Softmax()) for _ in range(3))
    saturate(teacher, LOGITS / 2)  # within the range of float32
    saturate(knows, LOGITS / 2)
    saturate(wrong, -LOGITS)
    settings = {"teacher": zoo.Teacher(teacher, temperature=1, share=1)}
    (unchanged,), losses = changes_of_bias([knows], **settings)
    np.testing.assert_allclose(unchanged, np.zeros(3), atol=1e-6)
    np.testing.assert_allclose(losses, [0], atol=1e-5)
    (change,), _ = changes_of_bias([wrong], **settings)
    targets = exact_gradient(0, LOGITS / 2)
    np.testing.assert_allclose(change, -exact_gradient(targets, -LOGITS), atol=1e-4)


def test_a_model_without_a_softmax_trains_on_its_clipped_probabilities():
    def shares(x):
        return keras.ops.exp(x) / keras.ops.sum(keras.ops.exp(x), axis=-1, keepdims=True)

    model = functional(shares)
    saturate(model, np.array([1.0, 2.0, 3.0]))
    (change,), _ = changes_of_bias([model])
    expected = exact_gradient(ONE_HOT, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(change, -expected, atol=1e-5)
    saturate(model, LOGITS)
    _, losses = changes_of_bias([model])
    np.testing.assert_allclose(losses, -np.log(keras.config.epsilon()), rtol=1e-5)


def test_no_gradient_goes_around_a_stop():
    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(logits_for_loss(tf.stop_gradient(tf.nn.softmax(x))) ** 2)
        return tape.gradient(loss, x, unconnected_gradients="zero")

    np.testing.assert_array_equal(gradient(tf.constant([[1.0, 2.0]])), [[0, 0]])


def test_large_steps_lose_no_class():
    """Full gradient descent at a rate of 20: of clipped probabilities, classes never come back."""
    data = zoo.datasets.load("digits")
    recipe = Recipe(learning_rate=20.0, batch_size=len(data.train), epochs=30)
    model = zoo.build("softmax", input_shape=data.image_shape, num_classes=10, seed=0)
    learner = zoo.training.learner.Learner("softmax", model, recipe)
    zoo.training.train([learner], data.train, verbose=0)
    found = model.predict(data.train.images, verbose=0).argmax(axis=-1)
    recall = [np.mean(found[data.train.labels == label] == label) for label in range(10)]
    assert min(recall) > 0.6
