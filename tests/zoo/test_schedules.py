"""The learning rate rises in a line, then follows the schedule; a factor lowers all of it."""

import keras
import numpy as np
import pytest

from zoo import Recipe
from zoo.errors import ArgumentError
from zoo.schedules import RecipeSchedule, rate_factor

EPOCHS, STEPS, RISING = 10, 100, 20
DECAY = keras.optimizers.schedules.serialize(
    keras.optimizers.schedules.ExponentialDecay(0.3, 9, 0.5)
)


def rates_of(recipe):
    optimizer = recipe.make_optimizer(STEPS)
    rates = []
    for step in range(STEPS):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    return np.array(rates)


@pytest.mark.parametrize(
    "settings",
    [{}, {"schedule": "cosine"}, {"schedule": "cosine", "cycles": 2}, {"schedule": DECAY}],
    ids=["constant", "cosine", "cycles", "of Keras"],
)
def test_the_rate_rises_in_a_line_to_that_of_the_schedule(settings):
    plain = Recipe(learning_rate=0.3, epochs=EPOCHS, **settings)
    rising = Recipe(learning_rate=0.3, epochs=EPOCHS, warm_up=2, **settings)
    expected, found = rates_of(plain), rates_of(rising)
    line = expected[RISING] * np.arange(1, RISING + 1) / RISING
    np.testing.assert_allclose(found[:RISING], line, rtol=1e-5)
    np.testing.assert_allclose(found[RISING:], expected[RISING:], rtol=1e-5, atol=1e-9)


def test_a_schedule_is_loaded_as_it_was():
    schedule = RecipeSchedule(0.2, keras.optimizers.schedules.CosineDecay(1.0, 50), 10, True)
    optimizer = keras.optimizers.SGD(schedule)
    loaded = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    for step in (0, 5, 30):
        assert float(loaded._learning_rate(step)) == float(schedule(step))
    assert loaded._learning_rate.get_config() == schedule.get_config()


def test_the_factor_lowers_all_rates():
    optimizer = Recipe(learning_rate=0.5, epochs=4, warm_up=2, plateau=1).make_optimizer(4)
    before = [float(optimizer._learning_rate(step)) for step in range(4)]
    rate_factor(optimizer).assign(0.1)
    after = [float(optimizer._learning_rate(step)) for step in range(4)]
    np.testing.assert_allclose(after, 0.1 * np.array(before), rtol=1e-6)
    assert rate_factor(Recipe(warm_up=2).make_optimizer(4)) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warm_up": 10}, r"warm_up must be a number of epochs below .* Received: warm_up=10"),
        ({"warm_up": 0}, r"warm_up must be a whole number of 1 or more"),
        ({"plateau": 2, "schedule": "cosine"}, r'plateau must be None unless the schedule is "con'),
        ({"plateau": 2, "plateau_factor": 1}, r"plateau_factor must be a number above 0 and below"),
        ({"plateau_factor": 0.5}, r"beside plateau, .*plateau=None"),
    ],
)
def test_a_change_of_the_rate_without_a_meaning_is_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        Recipe(**{"epochs": EPOCHS, **settings})
