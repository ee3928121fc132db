"""What the hardware is asked, and what follows from its answer."""

import keras
import pytest
import tensorflow as tf

import zoo
from zoo.registry import hardware

CPUS = {
    "flags\t\t: fpu avx2 avx512_bf16 amx_tile\n": {"fpu", "avx2", "avx512_bf16", "amx_tile"},
    "processor: 0\nFeatures : fp asimd bf16\nFeatures : fp\n": {"fp", "asimd", "bf16"},
    "": set(),
}


@pytest.mark.parametrize("text", CPUS)
def test_the_cpus_features_are_read(text, tmp_path):
    (tmp_path / "cpuinfo").write_text(text)
    assert hardware._cpu_flags(tmp_path / "cpuinfo") == CPUS[text]
    assert hardware._cpu_flags(tmp_path / "elsewhere") == set()


@pytest.mark.parametrize(
    ("gpus", "flags", "expected"),
    [
        ([], {"avx512_bf16"}, "mixed_bfloat16"),
        ([], {"avx2"}, "float32"),
        ([(8, 0)], set(), "mixed_bfloat16"),
        ([(9, 0), (7, 5)], {"avx512_bf16"}, "float32"),
        ([None], {"avx512_bf16"}, "float32"),  # a GPU that does not say
    ],
)
def test_the_gpus_decide_else_the_cpu(monkeypatch, gpus, flags, expected):
    details = [{} if one is None else {"compute_capability": one} for one in gpus]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: details)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)
    monkeypatch.setattr(hardware, "_cpu_flags", lambda: flags)
    hardware.fast_precision.cache_clear()
    assert hardware.fast_precision() == expected
    hardware.fast_precision.cache_clear()


@pytest.mark.parametrize(
    ("name", "arguments", "pays"),
    [
        ("vgg", {}, True),
        ("vgg", {"width": 16}, True),
        ("vgg", {"width": 8}, True),
        ("cnn", {}, True),
        ("conv_bn", {}, True),
        ("mlp", {}, True),
        ("rep_vgg", {}, True),
        ("wide_resnet", {}, True),
        ("resnet", {}, True),
        ("resnet", {"width": 32}, True),
        ("lenet", {}, False),
        ("mini_xception", {}, True),
    ],
)
def test_wide_models_are_built_in_bfloat16_and_thin_models_in_float32(
    monkeypatch, name, arguments, pays
):
    monkeypatch.setattr("zoo.registry.building.fast_precision", lambda: "mixed_bfloat16")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    model = zoo.build(name, precision="auto", **arguments)
    policies = {layer.dtype_policy.name for layer in model.layers if layer.weights}
    assert ("mixed_bfloat16" in policies) == pays
    assert hardware.pays_in_bfloat16(model) == pays
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    assert hardware.pays_in_bfloat16(model)


@pytest.mark.parametrize(("name", "pays"), [("lenet", False), ("vgg", True)])
def test_a_model_inside_a_model_counts_by_its_layers(monkeypatch, name, pays):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    inner = zoo.build(name)
    outer = keras.Sequential([keras.Input(inner.input_shape[1:]), keras.Sequential([inner])])
    assert hardware.pays_in_bfloat16(outer) == pays


def test_a_model_that_is_built_anew_in_float32_has_the_weights_of_its_seed(monkeypatch):
    monkeypatch.setattr("zoo.registry.building.fast_precision", lambda: "mixed_bfloat16")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    chosen, expected = (
        zoo.build("lenet", seed=3, precision=precision) for precision in ("auto", "float32")
    )
    for own, other in zip(chosen.get_weights(), expected.get_weights(), strict=True):
        assert (own == other).all()
