"""Files that are whole or not there."""

import os

import pytest

from skdeepcluster.utils import replacing


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_replacing__takes_the_place_at_the_end(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(kind(path)) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_replacing__after_an_error_the_old_file_stays(error, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing__has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "file"):
        pass
    modes = {os.stat(path).st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_replacing__in_a_folder_that_is_missing_raises(tmp_path):
    path = tmp_path / "folder" / "file"
    with pytest.raises(FileNotFoundError), replacing(path):
        pytest.fail("There is nothing to write to.")
