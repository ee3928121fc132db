"""What the hardware is asked, and what follows from its answer."""

import pytest
import tensorflow as tf

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
