"""Loaders: where they look, what they return, what they say when they cannot."""

import inspect
import os

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.utils import Bunch

from skdeepcluster import datasets
from skdeepcluster.datasets import _files, _images, _tables

VARIABLE = "SKDEEPCLUSTER_DATA"
DATASETS = {
    "fetch_coil20": _images.COIL20,
    "fetch_fashion_mnist": _images.FASHION_MNIST,
    "fetch_isolet": _tables.ISOLET,
    "fetch_mfeat": _tables.MFEAT,
    "fetch_mice_protein": _tables.MICE_PROTEIN,
    "fetch_mnist": _images.MNIST,
    "fetch_reuters": _tables.REUTERS,
    "fetch_usps": _images.USPS,
}
KINDS = {"U": "U8", "i": "int64", "u": "uint16"}
each = pytest.mark.parametrize("name", datasets.__all__)
each_downloadable = pytest.mark.parametrize(
    "name", [name for name, dataset in DATASETS.items() if dataset.openml]
)
real = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"{VARIABLE} names no folder with the files"
)


@pytest.fixture
def no_folder(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def no_openml(monkeypatch):
    def fail(**arguments):
        raise AssertionError("a download was tried")

    monkeypatch.setattr(_files, "fetch_openml", fail)


def arrays_like(dataset):
    """Arrays as the file has them, nearly all zero."""
    arrays = {
        key: np.zeros(shape, KINDS.get(kind, kind))
        for key, (shape, kind) in dataset.arrays.items()
    }
    arrays["y"] = (np.arange(len(arrays["y"])) % dataset.n_classes).astype(np.uint8)
    if dataset is _tables.REUTERS:
        arrays["class_names"][:] = [f"topic {i}" for i in range(52)]
        arrays["class_names"][[1, 5, 9]] = ["acq", "earn", "ship"]
        arrays["shape"][:] = 9100, 2000
        arrays["n_train"] = np.int64(520)
        arrays["indptr"][1:] = 1  # one number, in the first document
        arrays["tfidf"][0] = arrays["counts"][0] = 1
    return arrays


def write(folder, name, arrays=None):
    dataset = DATASETS[name]
    path = folder / dataset.file
    np.savez_compressed(path, **(arrays_like(dataset) if arrays is None else arrays))
    return path


def from_openml(name, **changes):
    """A stand-in for fetch_openml that knows the sets of one loader."""
    dataset, calls = DATASETS[name], []

    def fetch(*, data_home, as_frame, **arguments):
        assert not as_frame
        calls.append((arguments, data_home))
        (key,) = (key for key, own in dataset.openml.items() if own == arguments)
        shape = dataset.arrays[key][0]
        n = shape[0]
        column = np.zeros((n, 1)) if name != "fetch_usps" else np.full((n, 1), -1.0)
        column[-1] = 1
        data = np.broadcast_to(column.astype(np.float32), (n, np.prod(shape[1:])))
        names = dataset.target_names
        if name in ("fetch_usps", "fetch_mfeat"):  # their digits are called 1 to 10
            names = [str(number) for number in range(1, 11)]
        target = np.array(names, dtype=object)[np.arange(n) % dataset.n_classes]
        if name == "fetch_fashion_mnist":
            target = np.array(list("0123456789"), dtype=object)[np.arange(n) % 10]
        return Bunch(**{"data": data, "target": target, **changes})

    return fetch, calls


class TestFiles:
    @each
    def test_data_home(self, name, tmp_path, no_folder, no_openml):
        write(tmp_path, name)
        bunch = getattr(datasets, name)(data_home=tmp_path)
        n_samples, n_features = bunch.data.shape
        assert bunch.target.shape == (n_samples,)
        assert bunch.target.dtype == np.int64
        assert set(bunch.target) == set(range(len(bunch.target_names)))
        assert "Terms: " in bunch.DESCR
        assert "Origin: " in bunch.DESCR
        if "feature_names" in bunch:
            assert (
                len(set(bunch.feature_names)) == n_features or "fetch_reuters" in name
            )
            assert len(bunch.feature_names) == n_features
        if "images" in bunch:
            assert bunch.images.dtype == bunch.data.dtype
            assert bunch.images.reshape(n_samples, -1).shape == bunch.data.shape

    @each
    def test_environment(self, name, tmp_path, monkeypatch, no_openml):
        write(tmp_path, name)
        monkeypatch.setenv(VARIABLE, str(tmp_path))
        fetch = getattr(datasets, name)
        X, y = fetch(return_X_y=True, download_if_missing=False)
        bunch = fetch()
        np.testing.assert_array_equal(y, bunch.target)
        assert X.dtype == bunch.data.dtype
        assert issparse(X) == (name == "fetch_reuters")

    def test_data_home_comes_first(self, tmp_path, monkeypatch, no_openml):
        first, second = tmp_path / "first", tmp_path / "second"
        for folder in (first, second):
            folder.mkdir()
            arrays = arrays_like(_images.COIL20)
            arrays["X"][:] = len(folder.name)
            write(folder, "fetch_coil20", arrays)
        monkeypatch.setenv(VARIABLE, str(second))
        assert datasets.fetch_coil20(data_home=str(first)).data.max() == len("first")
        # What data_home does not have is looked for in the other folder.
        assert datasets.fetch_coil20(data_home=tmp_path).data.max() == len("second")

    def test_whole_numbers_stay_as_they_are(self, tmp_path, no_folder):
        write(tmp_path, "fetch_coil20")
        write(tmp_path, "fetch_mfeat")
        bunch = datasets.fetch_coil20(data_home=tmp_path)
        assert bunch.data.dtype == np.uint8
        assert np.shares_memory(bunch.data, bunch.images)
        dtypes = {
            view: datasets.fetch_mfeat(view=view, data_home=tmp_path).data.dtype
            for view in ("fac", "pix", "all")
        }
        assert dtypes == {"fac": np.uint16, "pix": np.uint8, "all": np.float64}

    def test_home_of_the_user(self, tmp_path, monkeypatch, no_folder, no_openml):
        write(tmp_path, "fetch_isolet")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert datasets.fetch_isolet(data_home="~").data.shape == (1560, 617)

    def test_subset_of_documents(self, tmp_path, no_folder):
        write(tmp_path, "fetch_reuters")
        bunch = datasets.fetch_reuters(subset="R8", data_home=tmp_path)
        assert bunch.target_names == ["acq", "earn", "ship"]
        assert bunch.data.shape == bunch.counts.shape == (3 * 175, 2000)
        assert bunch.n_train == 3 * 10
        np.testing.assert_array_equal(bunch.target, np.tile([0, 1, 2], 175))

    def test_views(self, tmp_path, no_folder):
        write(tmp_path, "fetch_mfeat")
        widths = {}
        for view in ("fac", "fou", "kar", "mor", "pix", "zer"):
            bunch = datasets.fetch_mfeat(view=view, data_home=tmp_path)
            widths[view] = bunch.data.shape[1]
            assert bunch.feature_names[-1] == f"{view}_{widths[view] - 1}"
            assert ("images" in bunch) == (view == "pix")
        assert sum(widths.values()) == 649
        assert datasets.fetch_mfeat(data_home=tmp_path).data.shape == (2000, 649)

    @pytest.mark.parametrize(
        ("name", "argument"), [("fetch_mfeat", "view"), ("fetch_reuters", "subset")]
    )
    def test_unknown_part(self, name, argument):
        with pytest.raises(ValueError, match=f"{argument} must be .*'R53'"):
            getattr(datasets, name)(**{argument: "R53"})


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("X", None, "no array 'X'"),
            ("X", np.zeros((1440, 16, 16), np.uint8), "'X' has shape .* instead of"),
            ("X", np.zeros((1440, 32, 32)), "dtype float64 instead of .* uint8"),
            ("y", np.zeros(1440), "'y' has shape .* float64"),
            ("y", np.zeros(1440, np.uint8), "'y' does not hold the classes 0 to 19"),
            ("X", np.array([{"an": "object"}]), "cannot be read"),
        ],
    )
    def test_contents(self, key, value, message, tmp_path, no_folder, no_openml):
        arrays = arrays_like(_images.COIL20)
        arrays[key] = value
        if value is None:
            del arrays[key]
        write(tmp_path, "fetch_coil20", arrays)
        with pytest.raises(ValueError, match=f"coil20.npz is damaged .*{message}"):
            datasets.fetch_coil20(data_home=tmp_path)

    @pytest.mark.parametrize("damage", ["empty", "text", "cut", "bits", "one array"])
    def test_bytes(self, damage, tmp_path, no_folder, no_openml):
        arrays = arrays_like(_images.COIL20)
        arrays["X"] += np.random.default_rng(0).integers(256, size=32, dtype=np.uint8)
        path = write(tmp_path, "fetch_coil20", arrays)
        content = bytearray(path.read_bytes())
        if damage == "empty":
            content.clear()
        elif damage == "text":
            content = b"version of a large file\n" * 5
        elif damage == "cut":
            content = content[: len(content) // 2]
        elif damage == "bits":
            content[200:400] = bytes(200)
        path.write_bytes(content)
        if damage == "one array":
            with path.open("wb") as file:
                np.save(file, np.zeros(3))
        with pytest.raises(ValueError, match="coil20.npz is damaged .*cannot be read"):
            datasets.fetch_coil20(data_home=tmp_path)


class TestDownload:
    @each_downloadable
    def test_success(self, name, tmp_path, monkeypatch, no_folder):
        fetch, calls = from_openml(name)
        monkeypatch.setattr(_files, "fetch_openml", fetch)
        bunch = getattr(datasets, name)(data_home=tmp_path)
        dataset = DATASETS[name]
        assert [arguments for arguments, _ in calls] == list(dataset.openml.values())
        assert {data_home for _, data_home in calls} == {tmp_path}
        # As from the file.
        write(tmp_path, name)
        expected = getattr(datasets, name)(data_home=tmp_path)
        assert bunch.data.dtype == expected.data.dtype
        assert bunch.data.shape == expected.data.shape
        np.testing.assert_array_equal(bunch.target, expected.target)
        assert bunch.target.dtype == np.int64
        assert bunch.data.min() == 0
        assert bunch.data.max() == 1
        assert set(expected) - set(bunch) <= {"mouse_id", "n_train"}

    @pytest.mark.parametrize(
        ("name", "n_train"), [("fetch_mnist", 60000), ("fetch_usps", None)]
    )
    def test_n_train(self, name, n_train, monkeypatch, no_folder):
        monkeypatch.setattr(_files, "fetch_openml", from_openml(name)[0])
        assert getattr(datasets, name)().get("n_train") == n_train

    def test_one_view(self, monkeypatch, no_folder):
        fetch, calls = from_openml("fetch_mfeat")
        monkeypatch.setattr(_files, "fetch_openml", fetch)
        X, _ = datasets.fetch_mfeat(view="zer", return_X_y=True)
        assert X.shape == (2000, 47)
        assert calls == [({"name": "mfeat-zernike", "version": 1}, None)]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"data": np.zeros((1080, 5))}, "shape .1080, 5. instead of .1080, 77."),
            ({"data": np.zeros((77, 1080))}, "shape .77, 1080. instead of .1080, 77."),
            ({"target": np.array(["a", "b"] * 540)}, "not 8 classes"),
        ],
    )
    def test_another_set_than_expected(self, changes, message, monkeypatch, no_folder):
        fetch, _ = from_openml("fetch_mice_protein", **changes)
        monkeypatch.setattr(_files, "fetch_openml", fetch)
        with pytest.raises(OSError, match=f"mice_protein.npz .* failed: .*{message}"):
            datasets.fetch_mice_protein()

    def test_views_in_different_orders(self, monkeypatch, no_folder):
        right, _ = from_openml("fetch_mfeat")

        def fetch(**arguments):
            bunch = right(**arguments)
            if arguments["name"] == "mfeat-zernike":
                bunch.target = bunch.target[::-1]
            return bunch

        monkeypatch.setattr(_files, "fetch_openml", fetch)
        with pytest.raises(OSError, match="not in the same order"):
            datasets.fetch_mfeat()

    @each_downloadable
    @pytest.mark.parametrize(
        "error", [OSError("no route"), ValueError("no route"), ImportError("no route")]
    )
    def test_failure(self, name, error, tmp_path, monkeypatch):
        def fail(**arguments):
            raise error

        monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
        monkeypatch.setattr(_files, "fetch_openml", fail)
        with pytest.raises(OSError, match="download from OpenML failed") as caught:
            getattr(datasets, name)(data_home=tmp_path)
        assert caught.value.__cause__ is error
        message = str(caught.value)
        for part in (DATASETS[name].file, VARIABLE, str(tmp_path / "elsewhere")):
            assert part in message
        assert f"{type(error).__name__}: no route" in message

    @each
    def test_not_wanted(self, name, no_folder, no_openml):
        message = f"{DATASETS[name].file} .*{VARIABLE}.*not set.*download_if_missing="
        with pytest.raises(OSError, match=message):
            getattr(datasets, name)(download_if_missing=False)

    @pytest.mark.parametrize("name", ["fetch_coil20", "fetch_isolet", "fetch_reuters"])
    def test_not_possible(self, name, no_folder, no_openml):
        message = f"{DATASETS[name].file} .*cannot be downloaded"
        with pytest.raises(OSError, match=message):
            getattr(datasets, name)()


@real
@each
class TestRealFiles:
    def test_contents(self, name, no_openml):
        bunch = getattr(datasets, name)()
        assert set(bunch.target) == set(range(len(bunch.target_names)))
        assert bunch.data.shape[0] == len(bunch.target)
        n_missing = 0 if issparse(bunch.data) else np.isnan(bunch.data).sum()
        assert n_missing == (1396 if name == "fetch_mice_protein" else 0)

    def test_counts(self, name, no_openml):
        bunch = getattr(datasets, name)()
        sizes = np.bincount(bunch.target)
        if name == "fetch_usps":
            expected = [1553, 1269, 929, 824, 852, 716, 834, 792, 708, 821]
            assert sizes.tolist() == expected
        elif name == "fetch_mnist":
            assert sizes.min() == 6313
            assert round(bunch.data.mean() / 255, 4) == 0.1309
        elif name == "fetch_reuters":
            assert sizes.tolist() == sorted(sizes, reverse=True)
            r8 = datasets.fetch_reuters(subset="R8")
            assert (r8.data.shape, r8.n_train) == ((7674, 2000), 5485)
            assert r8.target_names == list(_tables.R8)
            lengths = np.sqrt(r8.data.multiply(r8.data).sum(axis=1))
            assert lengths.max() == pytest.approx(1)
        elif name == "fetch_mice_protein":
            assert sizes.sum() == 1080
            assert bunch.target_names == sorted(bunch.target_names)
        else:
            assert np.ptp(sizes) == 0


def test_every_loader_has_the_same_arguments():
    wordings = set()
    for name in datasets.__all__:
        parameters = inspect.signature(getattr(datasets, name)).parameters.values()
        assert {parameter.kind for parameter in parameters} == {
            inspect.Parameter.KEYWORD_ONLY
        }
        assert [parameter.name for parameter in parameters][-3:] == [
            "data_home",
            "download_if_missing",
            "return_X_y",
        ]
        doc = inspect.getdoc(getattr(datasets, name))
        wordings.add(doc[doc.index("data_home :") : doc.index("Returns\n---")])
    assert len(wordings) == 1
