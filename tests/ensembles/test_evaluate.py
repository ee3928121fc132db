from types import SimpleNamespace

import zoo.datasets
from zoo.ensembles import Committee
from zoo.ensembles.evaluate import evaluate_file


def test_classes_and_image_size_may_be_text(monkeypatch, trained_committee, test_split):
    asked = {}

    def load(data, root, **arguments):
        asked.update(arguments)
        return SimpleNamespace(parts={"test": test_split})

    monkeypatch.setattr(zoo.datasets, "load", load)
    monkeypatch.setattr(Committee, "load", lambda file: trained_committee)
    evaluate_file("a.keras", "digits", classes="left, right,top", image_size="6x8")
    assert (asked["classes"], asked["image_size"]) == (["left", "right", "top"], (6, 8))
    evaluate_file("a.keras", "digits", classes=["left", "right"], image_size="6")
    assert (asked["classes"], asked["image_size"]) == (["left", "right"], (6, 6))
