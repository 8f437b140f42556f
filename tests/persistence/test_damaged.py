"""Damaged files, files of other kinds and files of other versions."""

import io
import json
import pickle
import struct

import joblib
import numpy as np
import pytest
import torch
from safetensors.numpy import save as safetensors_bytes

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.persistence import _container, load, save
from tests._discovery import tiny
from tests.persistence._files import assert_refused, with_text

# -- damage ------------------------------------------------------------------------


def test_cut_off__at_any_length(blobs, path):
    save(tiny(DECClustering).fit(blobs[0]), path)
    whole = path.read_bytes()
    for length in [*range(20), *range(20, len(whole), 173), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert_refused(path)
    path.write_bytes(whole + b"\0")
    assert_refused(path)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0xFF])
def test_flipped__anywhere(mask, blobs, path):
    save(tiny(Autoencoder).fit(blobs[0]), path)
    whole = path.read_bytes()
    for at in [*range(64), *range(64, len(whole), 31)]:
        flipped = bytearray(whole)
        flipped[at] ^= mask
        path.write_bytes(flipped)
        assert_refused(path)


# -- other files -------------------------------------------------------------------


class _Dangerous:
    def __reduce__(self):
        return pytest.fail, ("The file ran code.",)


def _torch_bytes():
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(2)}, buffer)
    return buffer.getvalue()


def _joblib_bytes():
    buffer = io.BytesIO()
    joblib.dump(_Dangerous(), buffer)
    return buffer.getvalue()


def _raw(header, data=b""):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data


OTHER_FILES = {
    "empty": b"",
    "text": b"Not a model, but a text that is long enough.",
    "pickle": pickle.dumps(_Dangerous()),
    "old pickle": pickle.dumps(_Dangerous(), protocol=0),
    "joblib": _joblib_bytes(),
    "torch": _torch_bytes(),
    "no header": _raw({}),
    "header that never ends": struct.pack("<Q", 2**62) + b"{}",
    "deep header": _raw(b'{"a":' * 10**5),
    "huge shape": _raw(
        {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}},
        bytes(4),
    ),
    "shape without data": _raw(
        {"a": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}, bytes(4)
    ),
    "other dtype": _raw(
        {
            "__metadata__": {"skdeepcluster": '{"format": 1}', "sha256": ""},
            "a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]},
        },
        bytes(4),
    ),
    "safetensors": safetensors_bytes({"a": np.zeros(2)}),
    "safetensors with metadata": safetensors_bytes({"a": np.zeros(2)}, {"b": "c"}),
    "no checksum": safetensors_bytes({}, {"skdeepcluster": '{"format": 1}'}),
    "no JSON": with_text("estimator"),
    "no object": with_text("[1]"),
    "no estimator": with_text('{"format": 1}'),
    "estimator of a wrong type": with_text('{"format": 1, "estimator": "DEC"}'),
    "deep list": with_text("[" * 10**6),
    "deep object": with_text('{"a":' * 10**6),
    "deep estimator": with_text(
        '{"format": 1, "estimator": {"class": "Autoencoder", "parameters": {"verbose":'
        + "[" * 900
        + "]" * 900
        + '}, "attributes": {"device_": "cpu"}}}'
    ),
    "number without end": with_text('{"format": ' + "1" * 10**6 + "}"),
    "nan": with_text('{"format": 1, "a": NaN}'),
    "infinity": with_text('{"format": 1, "a": -Infinity}'),
    "too large for a float": with_text('{"format": 1, "a": 1e999}'),
}


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES)
def test_other_files__are_refused(content, path):
    path.write_bytes(content)
    assert_refused(path)


def test_no_file__is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")
    with pytest.raises(OSError):  # noqa: PT011
        load(tmp_path)


# -- versions ----------------------------------------------------------------------


@pytest.mark.parametrize("versions", [{"skdeepcluster": "99.0"}, {}, None])
def test_other_versions_of_one_format__load(versions, blobs, path):
    save(tiny(Autoencoder).fit(blobs[0]), path)
    description, arrays = _container.read(path)
    _container.write(path, {**description, "versions": versions}, arrays)
    assert load(path).n_components_ == 4


@pytest.mark.parametrize("number", [0, -1, 2, 10**6])
def test_other_format__says_which_version_wrote_it(number, blobs, path):
    save(tiny(Autoencoder).fit(blobs[0]), path)
    description, arrays = _container.read(path)
    description["versions"]["skdeepcluster"] = "99.0"
    _container.write(path, {**description, "format": number}, arrays)
    assert_refused(
        path, rf"format {number} and .* reads format 1\. .*'skdeepcluster': '99.0'"
    )


@pytest.mark.parametrize("number", [None, True, "1", 1.0, [1]])
def test_format_that_is_no_number__is_refused(number, path):
    path.write_bytes(with_text(json.dumps({"format": number, "estimator": {}})))
    assert_refused(path, "no format number")


def test_parameter_of_a_later_version__is_named(forge, path):
    forge(lambda estimator, _: estimator["parameters"].update(later=1))
    assert_refused(path, "DECClustering has no parameter 'later' in this version")


def test_parameter_that_an_earlier_version_lacked__has_its_default(forge, path):
    forge(lambda estimator, _: estimator["parameters"].pop("balance"))
    assert load(path).balance == DECClustering().balance
