from zoo.datasets.description import DatasetInfo, RemoteFile


def test_an_embedded_data_set_needs_no_files():
    assert not DatasetInfo("dots").needs_root
    assert DatasetInfo("dots", expected_files="dots.bin").needs_root


def test_the_length_of_a_checksum_tells_the_algorithm():
    assert RemoteFile("a", ("https://example.org/a",), 1, 32 * "0").algorithm == "md5"
    assert RemoteFile("a", ("https://example.org/a",), 1, 64 * "0").algorithm == "sha256"
