import sys
import types

import joblib
import pytest

from zoo.errors import ArgumentError
from zoo.spreading.backends import check_jobs, find_place, on_cluster
from zoo.spreading.worker import start_tensorflow


@pytest.mark.parametrize("n_jobs", [0, 1.5, True, "2"])
def test_a_wrong_number_of_jobs_is_an_error(n_jobs):
    with pytest.raises(ArgumentError, match="n_jobs must be a whole number of 1 or more, -1 for"):
        check_jobs(n_jobs)


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_threads_and_forked_processes_are_refused(backend):
    with (
        joblib.parallel_config(backend=backend),
        pytest.raises(ArgumentError, match="must run processes of its own: loky, dask or ray"),
    ):
        check_jobs(2)


def test_each_worker_gets_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    assert (find_place(3).n_jobs, find_place(3).threads) == (3, 2)
    assert (find_place(-1).n_jobs, find_place(-1).threads) == (8, 1)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=5):
        assert find_place(3).threads == 5


@pytest.mark.parametrize(("resources", "threads"), [({"CPU": 3.0}, 3), ({"CPU": 0.5}, 4), ({}, 4)])
def test_a_worker_of_ray_computes_with_the_cores_that_ray_sets_aside(
    monkeypatch, resources, threads
):
    import tensorflow as tf

    context = types.SimpleNamespace(get_assigned_resources=lambda: resources)
    ray = types.SimpleNamespace(is_initialized=lambda: True, get_runtime_context=lambda: context)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delitem(sys.modules, "distributed", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4))
    asked = []
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", asked.append)
    start_tensorflow(None)
    assert asked == [threads]


def test_a_scheduler_without_dask_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ArgumentError, match="Run: pip install 'committee-zoo\\[dask\\]'"),
        on_cluster("tcp://host:8786"),
    ):
        pass
