import pytest

from zoo.errors import ArgumentError, DataError
from zoo.experiments import experiment_names, load_experiment
from zoo.experiments.catalogue import FOLDER, WEIGHTS


def test_every_file_is_an_experiment_with_a_report_a_place_and_a_time():
    names = [*experiment_names(), *experiment_names(WEIGHTS)]
    assert len(names) == len([*FOLDER.glob("**/*.toml")]) >= 4
    for name in names:
        experiment = load_experiment(name)
        assert experiment.name == name
        assert experiment.title
        assert experiment.place
        assert experiment.minutes > 0


def test_every_published_value_has_a_source():
    values = [value for name in experiment_names() for value in load_experiment(name).published]
    assert values
    assert all(value.source for value in values)


def test_an_unknown_name_is_an_error_with_the_closest_name():
    with pytest.raises(ArgumentError, match="did you mean 'inm702-committee'"):
        load_experiment("inm702-comittee")
    with pytest.raises(ArgumentError, match="did you mean 'weights/mnist-lenet'"):
        load_experiment("weights/mnist-lenett")


def test_weights_are_trained_by_experiments_in_a_folder_of_their_own():
    names = experiment_names(WEIGHTS)
    assert {"weights/fer2013-vgg", "weights/mnist-lenet"} <= {*names}
    assert not {*names} & {*experiment_names()}
    for name in names:
        experiment = load_experiment(name)
        assert experiment.name == name
        assert experiment.members
        assert experiment.data


@pytest.mark.parametrize(
    ("content", "words"), [("title = ", "Received: .*mine.toml"), (None, "No such file")]
)
def test_a_file_that_is_no_toml_is_an_error_that_names_it(tmp_path, content, words):
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=words):
        load_experiment(str(path))


def test_a_fault_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "a"\nreport = "b"\n')
    with pytest.raises(ArgumentError, match=r"mine\.toml: The experiment must have the key"):
        load_experiment(str(path))
