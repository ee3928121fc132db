"""What a browser shows of a run: TensorBoard's real server, looked at in headless Chromium.

The tests of the server's data run everywhere; those of the pages where Chromium is installed.
"""

import json
import re
import subprocess
import sys
import time
import urllib.request

import pytest

from zoo.ensembles import Committee, Member
from zoo.ensembles.reports.report import log_report
from zoo.inspect import GraphLog, HistogramLog, SaliencyLog, log_features
from zoo.recipes import Recipe

RUNS = ["committee", "models/bn_mlp", "models/large_mlp", "models/mlp"]
SCORES = ("accuracy", "loss")
CLASSES = ("left", "right", "top")
PATIENCE = 60
"""Seconds after which a server or a browser that does not answer is a failure."""

TEXT = """
(function text(node) {
  if (node.nodeType == Node.TEXT_NODE) return node.data.trim();
  if (["STYLE", "SCRIPT", "NOSCRIPT", "TEMPLATE"].includes(node.nodeName)) return "";
  const nodes = [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes];
  return nodes.map(text).filter(Boolean).join("\\n");
})(document.body)
"""
"""The text of a web page, also of the components that hide theirs in a shadow tree."""

SHRINKAGE = """
(function pictures(node) {
  if (node.nodeName == "IMG" && node.naturalWidth) return [node.width / node.naturalWidth];
  return [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].flatMap(pictures);
})(document.body)
"""
"""How much smaller than their files the pictures of a web page are shown."""


@pytest.fixture(scope="module")
def address(train_split, validation_split, test_split, tmp_path_factory):
    """The address of a TensorBoard that shows the training and the report of a committee."""
    folder = tmp_path_factory.mktemp("logs") / "digits"
    recipe = Recipe("adam", learning_rate=0.002, batch_size=32, epochs=2)
    slow = Recipe("adam", learning_rate=0.001, batch_size=32, epochs=2)
    members = [
        Member("bn_mlp", {"hidden": (8, 8)}, recipe),
        Member("mlp", {"hidden": (8,)}, slow),
        Member("mlp", {"hidden": (16,), "dropout": 0.125}, recipe, name="large_mlp"),
    ]
    committee = Committee(members)
    watchers = [
        GraphLog(),
        HistogramLog(train_split),
        SaliencyLog(validation_split.take(range(6)), every=2),
    ]
    committee.fit(
        train_split,
        validation_data=validation_split,
        log_dir=folder,
        callbacks=watchers,
        verbose=0,
    )
    log_report(committee.report(test_split), folder, step=2)
    log_features(committee, test_split, run=folder, count=40)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if found := re.search(r"http://\S+", line):
                    break
            else:
                pytest.fail("TensorBoard's server has ended")
            url = found[0]
            wait_for(lambda: set(RUNS) == set(fetch(url + "data/runs")))
            wait_for(lambda: "test/report" in fetch(url + "data/plugin/text/tags")["committee"])
            yield url
        finally:
            server.kill()


def wait_for(condition):
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition does not come true"
        time.sleep(0.1)


def fetch(url, body=None):
    """Fetch JSON values from a server."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.load(answer)


def test_a_committee_of_three_is_four_runs_and_the_committee_is_the_first(address):
    assert sorted(fetch(address + "data/runs")) == RUNS


def test_each_curve_is_there_for_each_model_and_for_the_committee(address):
    tags = fetch(address + "data/plugin/scalars/tags")
    curves = {
        f"{score}/{part}" for score in ("accuracy", "loss") for part in ("train", "validation")
    }
    assert sorted(tags) == RUNS
    assert all(
        curves | {"test/accuracy", "best/accuracy/validation"} <= set(tags[run]) for run in RUNS
    )


def test_custom_charts_find_their_curves(address):
    layout = fetch(address + "data/plugin/custom_scalars/layout")
    assert [category["title"] for category in layout["category"]] == ["accuracy", "loss"]
    (tag,) = layout["category"][0]["chart"][0]["multiline"]["tag"]
    assert tag == "^accuracy/validation$"
    for run in RUNS:
        query = f"data/plugin/custom_scalars/scalars?run={run}&tag=%5Eaccuracy/validation%24"
        assert list(fetch(address + query)["tag_to_events"]) == ["accuracy/validation"]


def test_the_table_of_hyperparameters_has_a_row_for_each_model(address):
    table = fetch(address + "data/plugin/hparams/experiment", {"experimentName": ""})
    titles = [column["displayName"] for column in table["hparamInfos"]]
    assert titles[:4] == ["model", "learning_rate", "builder.dropout", "builder.hidden"]
    metrics = [{"metric": info["name"]} for info in table["metricInfos"]]
    request = {
        "experimentName": "",
        "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
        "colParams": metrics,
        "startIndex": 0,
        "sliceSize": 100,
    }
    rows = fetch(address + "data/plugin/hparams/session_groups", request)["sessionGroups"]
    assert [row["name"] for row in rows] == [f"digits/{run}" for run in RUNS]
    settings = [row["hparams"] for row in rows]
    assert [row["1. model"] for row in settings] == ["committee", "bn_mlp", "large_mlp", "mlp"]
    assert [row.get("2. learning_rate") for row in settings] == [None, 0.002, 0.002, 0.001]
    assert [row.get("4. builder.dropout") for row in settings] == [None, 0, 0.125, 0]
    assert all(len(row["metricValues"]) == len(metrics) == 5 for row in rows)


def test_every_class_has_a_curve_of_precision_and_recall_in_each_run(address):
    tags = fetch(address + "data/plugin/pr_curves/tags")
    assert {run: set(names) for run, names in tags.items()} == {
        run: {f"test/precision and recall/{name}" for name in CLASSES} for run in RUNS
    }


def test_each_member_has_a_graph_and_histograms(address):
    graphs = fetch(address + "data/plugin/graphs/info")
    histograms = fetch(address + "data/plugin/histograms/tags")
    assert sorted(run for run in graphs if graphs[run]["run_graph"]) == RUNS[1:]
    assert sorted(histograms) == RUNS[1:]
    assert {"weights/logits/kernel", "gradients/logits/kernel"} <= set(histograms[RUNS[1]])


def test_the_projector_has_features_of_each_member_labels_and_thumbnails(address):
    wait_for(lambda: fetch(address + "data/plugin/projector/runs") == ["committee"])
    config = fetch(address + "data/plugin/projector/info?run=committee")
    names = [embedding["tensorName"] for embedding in config["embeddings"]]
    assert names == ["bn_mlp", "mlp", "large_mlp"]
    query = "?run=committee&name=large_mlp"
    with urllib.request.urlopen(f"{address}data/plugin/projector/metadata{query}") as answer:
        header, *rows = answer.read().decode().splitlines()
    assert header.split("\t") == ["label", "answer", "right", "confidence", "votes"]
    with urllib.request.urlopen(f"{address}data/plugin/projector/tensor{query}") as answer:
        assert len(answer.read()) == 4 * 16 * len(rows) == 4 * 16 * 40
    with urllib.request.urlopen(f"{address}data/plugin/projector/sprite_image{query}") as answer:
        assert answer.read(4) == b"\x89PNG"


def wait_for_lines(browser, url, condition):
    """Open a web page, and wait until a condition holds of the lines of its text."""
    browser.show(url)
    deadline = time.monotonic() + PATIENCE
    while not condition(lines := (browser.evaluate(TEXT) or "").splitlines()):
        assert time.monotonic() < deadline, f"{url} shows {lines}"
        time.sleep(0.1)


def in_order(names, lines):
    """Whether the names are there, and the first occurrences have the order of the names."""
    return set(names) <= set(lines) and sorted(names, key=lines.index) == list(names)


def test_the_page_of_precision_and_recall_has_a_chart_for_each_class(browser, address):
    titles = [f"test/precision and recall/{name}" for name in CLASSES]
    wait_for_lines(
        browser,
        f"{address}#pr_curves",
        lambda lines: in_order(titles, lines) and lines.count("step 2") >= len(RUNS),
    )


def test_the_page_of_graphs_shows_the_layers_of_a_member(browser, address):
    layers = {"pixels", "logits", "answers"}
    wait_for_lines(
        browser, f"{address}#graphs", lambda lines: {"Main Graph", *layers} <= set(lines)
    )


def test_the_page_of_histograms_shows_gradients_and_weights(browser, address):
    title = "gradients/dense/kernel"
    wait_for_lines(
        browser,
        f"{address}#histograms",
        lambda lines: in_order(["gradients", title, "weights"], lines),
    )


@pytest.mark.parametrize(
    ("tab", "tags"),
    [
        ("timeseries", ["/train", "/validation"]),
        ("scalars", ["accuracy/train", "accuracy/validation"]),
    ],
)
def test_the_page_of_curves_lists_the_committee_first(browser, address, tab, tags):
    wait_for_lines(
        browser,
        f"{address}#{tab}",
        lambda lines: in_order(RUNS, lines) and in_order(tags, lines),
    )


def test_the_page_of_custom_charts_tells_train_and_validation_apart(browser, address):
    parts = ("validation", "training")
    titles = [f"{score} on {part} images" for score in SCORES for part in parts]
    wait_for_lines(
        browser,
        f"{address}#custom_scalars",
        lambda lines: in_order(titles, lines) and lines.count("Matches (4)") == 4,
    )


def test_the_page_of_pictures_shows_them_in_a_legible_size(browser, address):
    titles = ["confusion matrix", "pairs that disagree", "reliability", "risk and coverage"]
    tags = ["saliency/gradient", *(f"test/{title}" for title in titles)]
    wait_for_lines(browser, f"{address}#images", lambda lines: in_order(tags, lines))
    # The saliency is that of three members, and TensorBoard opens two groups of pictures of three.
    wait_for(lambda: len(browser.evaluate(SHRINKAGE)) == len(tags) - 1 + len(RUNS) - 1)
    # The smallest letters are 14 pixels high in the files, and 9 pixels or more in the browser.
    assert min(browser.evaluate(SHRINKAGE)) >= 0.65


def test_the_page_of_hyperparameters_begins_with_the_model_and_what_differs(browser, address):
    columns = ["model", "learning_rate", "builder.dropout", "builder.hidden"]
    scores = ["best validation accuracy", "best validation loss", "test accuracy"]
    rows = [f"digits/{run}" for run in RUNS]

    def holds(lines):
        table = lines[lines.index("Trial ID") :] if "Trial ID" in lines else []
        return in_order(["Show Metrics", *columns, *scores, *rows], table) and "(8, 8)" in table

    wait_for_lines(browser, f"{address}#hparams", holds)


def test_the_page_of_texts_shows_configuration_recipes_and_report(browser, address):
    titles = ["configuration/recipe", "configuration/shared", "test/report"]
    wait_for_lines(
        browser,
        f"{address}#text",
        lambda lines: in_order([*titles, "Committee report: test"], lines),
    )
