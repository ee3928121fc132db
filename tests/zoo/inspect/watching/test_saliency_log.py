import io

import keras
import numpy as np
import pytest
from PIL import Image

from zoo.errors import ArgumentError
from zoo.inspect import SaliencyLog, explain

TAG = "saliency/gradient"


@pytest.mark.parametrize("together", [True, False])
def test_each_member_has_a_picture_for_each_epoch(trained, read_events, together):
    _, folder = trained[together]
    for name in ("first", "second"):
        written = read_events(folder / "models" / name)[TAG]
        assert [step for step, _ in written] == ([0, 1, 2] if together else [0, 1])
        pictures = [value[2] for _, value in written]
        assert len(set(pictures)) == len(pictures)
        width, height = Image.open(io.BytesIO(pictures[0])).size
        assert 400 < width < 540  # legible in TensorBoard's page
        assert height > 300
    assert TAG not in read_events(folder / "committee")


def test_many_images_stand_in_several_pictures_and_every_skips_epochs(
    models, read_events, tmp_path
):
    images = np.zeros((14, 8, 8, 3), "uint8")
    saliency = SaliencyLog(images, every=2, log_dir=tmp_path)
    saliency.set_model(models["flat"])
    saliency.on_train_begin()
    for epoch in range(3):
        saliency.on_epoch_end(epoch)
    saliency.on_train_end()
    written = read_events(tmp_path / "models" / "flat_model")
    assert {tag: [step for step, _ in values] for tag, values in written.items()} == {
        f"{TAG}, images 1 to 12": [0, 2],
        f"{TAG}, images 13 to 14": [0, 2],
    }


def test_pictures_go_on_after_a_resumption(
    trained, make_committee, read_events, train_split, validation_split, tmp_path
):
    folder = tmp_path / "run"
    for epochs in (1, 3):
        saliency = SaliencyLog(validation_split.take(range(2)))
        make_committee().fit(
            train_split,
            validation_data=validation_split,
            epochs=epochs,
            callbacks=[saliency],
            log_dir=folder,
            resume=True,
            verbose=0,
        )
    written = read_events(folder / "models" / "second")[TAG]
    assert [step for step, _ in written] == [0, 1, 2, 3]


def test_maps_are_those_of_explain_with_the_weights_of_now(models, images):
    model = keras.models.clone_model(models["flat"])
    saliency = SaliencyLog(images, [0, 1, 2, 0, 1], method="gradient")
    saliency.check_members({"flat": model})
    model.set_weights(models["flat"].get_weights())
    explainer = saliency._explainers["flat"]
    targets = explainer.targets(images, saliency._labels)
    expected = explain(models["flat"], images, [0, 1, 2, 0, 1], "gradient").maps
    np.testing.assert_allclose(explainer.maps(images, targets)[:, 0], expected, atol=1e-6)


def test_a_wrong_answer_stands_below_the_probability_of_the_label():
    images = np.zeros((2, 4, 4, 1), "uint8")
    saliency = SaliencyLog(images, [0, 1], class_names=["cat", "$dog"])
    assert saliency._caption(0, np.array([0.75, 0.25])) == "cat: 75 %"
    assert saliency._caption(0, np.array([0.25, 0.75])) == "cat: 25 %\nanswer: $dog"
    long_names = SaliencyLog(images, [0, 1], class_names=["a" * 30, "b"])
    assert long_names._caption(0, np.array([1.0, 0.0])) == f"{'a' * 17}…: 100 %"


@pytest.mark.parametrize("name", ["sigmoid", "subclassed", "mixed"])
def test_models_of_other_kinds_are_drawn_for_their_answers(models, images, name):
    saliency = SaliencyLog(images)
    saliency.check_members({name: models[name]})
    figure = saliency._draw(saliency._explainers[name], slice(0, 6), name)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    oracle = models["flat" if name == "mixed" else name]  # flat: the same weights in float32
    answers = np.asarray(oracle(images.astype("float32")), "float32")
    if name == "sigmoid":
        answers = np.concatenate([1 - answers, answers], axis=1)
    for title, row in zip(titles, answers, strict=True):
        answer, share = title.removesuffix(" %").split(": ")
        assert int(answer) == row.argmax()
        assert int(share) == pytest.approx(100 * row.max(), abs=1 if name == "mixed" else 0.51)


def test_a_method_without_effect_on_a_member_ends_the_training_before_it_begins(
    make_committee, train_split, validation_split, tmp_path
):
    saliency = SaliencyLog(validation_split, method="grad_cam")
    with pytest.raises(ArgumentError, match="convolution"):
        make_committee().fit(train_split, callbacks=[saliency], log_dir=tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ArgumentError, match="method must be"):
        SaliencyLog(validation_split, method="gradcamm")
