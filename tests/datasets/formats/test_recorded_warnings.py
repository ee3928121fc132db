import warnings
from concurrent.futures import ThreadPoolExecutor

from zoo.datasets.formats.decode import recorded_warnings


def warn_and_record(number):
    with recorded_warnings() as recorded:
        warnings.warn(f"warning {number}", stacklevel=1)
        warnings.warn(f"warning {number}", stacklevel=1)
    return [str(warning.message) for warning in recorded]


def test_threads_record_their_own_warnings_and_leave_the_filters_alone():
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        recorded = list(pool.map(warn_and_record, range(50)))
    assert recorded == [2 * [f"warning {number}"] for number in range(50)]
    assert list(warnings.filters) == before
