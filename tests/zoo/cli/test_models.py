import zoo


def test_models_lists_every_model(zoo_command):
    code, out, _ = zoo_command("models")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[:1].isalpha()][1:] == (
        zoo.list_models()
    )


def test_models_takes_a_pattern_and_a_tag(zoo_command):
    _, out, _ = zoo_command("models", "*mlp", "--tag", "batchnorm")
    assert "bn_mlp" in out
    assert "deep_mlp" not in out


def test_describe_shows_parameters_and_recipe(zoo_command):
    code, out, _ = zoo_command("describe", "cnn")
    assert code == 0
    for words in ("dropout", "0.5", "batch_size", "32", "rotation_range", "CO395"):
        assert words in out
