"""Models that nobody uses any more are freed, with what TensorFlow keeps for them."""

import gc
import sys
import weakref

import numpy as np
import pytest

import zoo
from zoo.datasets import as_split
from zoo.registry import kept_memory
from zoo.registry.kept_memory import count_variables, free_memory

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")


class Shaped:
    """Stands for a variable."""

    def __init__(self, *shape):
        self.shape = shape


@pytest.fixture
def freed(monkeypatch):
    """The times at which memory was freed."""
    monkeypatch.setattr(kept_memory, "_MADE", kept_memory._Count())
    times = []
    monkeypatch.setattr(kept_memory, "free_memory", lambda: times.append("freed"))
    return times


def test_memory_is_freed_once_the_new_variables_are_large_together(freed):
    half = [Shaped(2**24, 2)]
    count_variables(half)
    assert freed == []
    count_variables(half)
    assert freed == ["freed"]
    count_variables(half)
    assert freed == ["freed"]


def test_memory_is_freed_after_many_small_variables_and_graphs(freed):
    for _ in range(70):
        count_variables([Shaped(), Shaped(None, 3)] * 20, graphs=1)
    assert len(freed) == 1


def test_the_models_that_are_built_are_counted(freed):
    for _ in range(2):
        zoo.build("softmax", input_shape=(4, 4, 1), num_classes=2)
    made = kept_memory._MADE.total
    assert made == 2 * (4 * (16 * 2 + 2) + 2 * kept_memory.BYTES_OF_A_KERNEL)


def bytes_in_use():
    """Bytes that were asked of the allocator and not given back."""
    import ctypes

    class Numbers(ctypes.Structure):
        names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
        _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

    allocator = ctypes.CDLL(None)
    if not hasattr(allocator, "mallinfo2"):
        pytest.skip("needs glibc 2.33 or later")
    allocator.mallinfo2.restype = Numbers
    numbers = allocator.mallinfo2()
    return numbers.uordblks + numbers.hblkhd


@linux
def test_hundreds_of_models_leave_no_memory_behind():
    def build(times):
        for _ in range(times):
            zoo.build("mlp", input_shape=(4, 4, 1), num_classes=2, hidden=(4, 4, 4))

    build(2)
    free_memory()
    before = bytes_in_use()
    build(40)
    gc.collect()
    kept = bytes_in_use() - before
    free_memory()
    left = bytes_in_use() - before
    assert left < 1e6 < 8e6 < kept  # TensorFlow keeps 8 kernels of 36 KB a model


def test_images_are_freed_with_the_batches_that_were_made_of_them():
    images = np.zeros((20, 4, 4, 1), "uint8")
    alive = weakref.ref(images)
    split = as_split(images, np.arange(20) % 2)
    batches = split.batches(8, epochs=1)
    iterator = iter(batches)
    del images, split, batches
    gc.collect()
    assert len([*iterator]) == 3
    del iterator
    gc.collect()
    assert alive() is None
