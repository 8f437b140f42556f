"""Files that somebody has made on purpose: refused, and nothing is run."""

import numpy as np
import pytest

from skdeepcluster import Autoencoder, DECClustering, VaDEClustering
from skdeepcluster.base import DeepEstimator
from skdeepcluster.persistence import _container, load, save
from tests._discovery import ESTIMATORS, outputs, tiny
from tests.persistence._files import assert_refused

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)

# -- descriptions -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "sklearn.cluster.KMeans",
        "KMeans",
        "DeepEstimator",
        "FrozenEstimator",
        "skdeepcluster.DECClustering",
        "__version__",
        "decclustering",
        "",
    ],
)
def test_class_that_is_not_public__is_refused(name, forge, path):
    forge(lambda estimator, _: estimator.update({"class": name}))
    assert_refused(path, f"holds a {name!r}, which is no estimator")


def test_folders__are_not_taken_from_a_file(forge, path, tmp_path):
    folder = str(tmp_path / "folder")
    forge(lambda estimator, _: estimator["parameters"].update(memory=folder))
    assert load(path).memory is None
    forge(lambda estimator, _: estimator["parameters"].update(checkpoint=folder))
    assert load(path).checkpoint is None


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("class",), 5),
        (("class",), None),
        (("output",), "os"),
        (("output",), 1),
        (("parameters",), []),
        (("parameters", "n_clusters"), "3"),
        (("parameters", "n_clusters"), -1),
        (("parameters", "n_clusters"), [[[[3]]]]),
        (("parameters", "alpha"), {"float": "nan"}),
        (("parameters", "alpha"), {}),
        (("parameters", "alpha"), {"tuple": 1}),
        (("parameters", "alpha"), {"strings": [1]}),
        (("parameters", "alpha"), {"array": {"dtype": "float64", "shape": []}}),
        (("parameters", "device"), {"device": "nowhere"}),
        (("parameters", "autoencoder"), {"estimator": {"class": "DECClustering"}}),
        (("parameters", "autoencoder"), {"frozen": {"class": "os.system"}}),
        (("parameters", "autoencoder"), {"omitted": "network"}),
        (("attributes",), None),
        (("attributes", "__class__"), "int"),
        (("attributes", "transform"), 1),
        (("attributes", "model_"), 1),
        (("attributes", "_private_"), 1),
        (("attributes", "autoencoder_"), {"array": {"dtype": "int64", "shape": [1]}}),
        (("attributes", "device_"), 5),
        (("attributes", "image_shape_"), 6),
        (("attributes", "image_shape_"), {"tuple": [2, 4]}),
        (("attributes", "n_clusters_"), 2),
        (("attributes", "n_components_"), 3),
        (("attributes", "n_components_"), True),
        (("attributes", "n_features_in_"), 7),
        (("attributes", "n_features_in_"), 10**30),
        (("attributes", "scale_"), 0.0),
        (("attributes", "scale_"), "1"),
        (("attributes", "feature_names_in_"), {"strings": ["a"]}),
        (("model",), None),
        (("model", "name"), "os.system"),
        (("model", "name"), "UserNetwork"),
        (("model", "alpha"), "one"),
        (("model", "alpha"), [1.0]),
        (("model", "centers"), [3, 5]),
        (("model", "centers"), [3, -4]),
        (("model", "centers"), [2**62, 2**62]),
        (("model", "centers"), [1.5, 4]),
        (("model", "later"), 1),
        (("model", "encoder"), None),
        (("model", "encoder"), {"name": "MLP", "sizes": [6]}),
        (("model", "encoder"), {"name": "MLP", "sizes": [6, 4]}),
        (("model", "encoder", "name"), "GaussianLikelihood"),
        (("model", "encoder", "generator"), 1),
        (("model", "encoder", "linear"), [[1.0]]),
        (("model", "encoder", "sizes"), "64"),
        (("model", "encoder", "sizes"), [6, 10**9, 10**9, 4]),
        (("model", "encoder", "sizes"), [6, 2**62, 4]),
        (("model", "encoder", "sizes"), [6, -16, 4]),
        (("model", "encoder", "sizes"), [1] * 10**6),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_nonsense_in_the_description__is_refused(where, value, forge, path):
    def change(estimator, _):
        *parents, name = where
        for parent in parents:
            estimator = estimator[parent]
        estimator[name] = value

    forge(change)
    assert_refused(path)


def test_decoder_that_rebuilds_nothing__is_refused(forge, path):
    def change(estimator, arrays):
        estimator["model"]["decoder"] = {"name": "MLP", "sizes": [4, 5]}
        for name in [n for n in arrays if n.startswith("model_.decoder.")]:
            del arrays[name]
        arrays["model_.decoder.0.weight"] = np.zeros((5, 4), np.float32)
        arrays["model_.decoder.0.bias"] = np.zeros(5, np.float32)

    forge(change, Autoencoder)
    assert_refused(path, "shape|rebuild")


def test_networks_inside_networks_inside_networks(forge, path):
    def change(estimator, _):
        for _ in range(500):
            encoder = {**estimator["model"], "centers": [1, 1]}
            estimator["model"]["encoder"] = encoder

    forge(change)
    assert_refused(path)


def test_weights__are_compared_before_anything_is_built(forge, path, monkeypatch):
    monkeypatch.setattr(DeepEstimator, "__setstate__", lambda *_: pytest.fail("built"))
    sizes = [6, 10**8, 4]  # gigabytes
    forge(
        lambda estimator, _: estimator["model"]["encoder"]["network"].update(
            sizes=sizes
        ),
        Autoencoder,
    )
    assert_refused(path, "but the network has")


@pytest.mark.parametrize("name", ["cpu:0", "cuda:-1", "meta", "mps", "xla", "hpu", ""])
def test_device__is_one_of_this_machine(name, forge, path):
    forge(lambda estimator, _: estimator["attributes"].update(device_=name))
    if name == "cpu:0":
        assert load(path).device_ == name
    else:
        with pytest.warns(UserWarning, match=f"{name!r}, which is not available"):
            assert load(path).device_ == "cpu"


# -- tensors ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls", [Autoencoder, DECClustering, VaDEClustering], ids=lambda cls: cls.__name__
)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: None,
        lambda array: array.reshape(1, *array.shape),
        lambda array: array[:0] if array.ndim else array[None],
        lambda array: array.astype("f2" if array.dtype == "f4" else "f4"),
        lambda array: array.astype("c8"),
        lambda array: np.full_like(array, np.nan if array.dtype.kind == "f" else -1),
    ],
    ids=["missing", "one dimension more", "cut off", "dtype", "complex", "values"],
)
def test_every_tensor__missing_or_of_another_kind_is_refused(cls, change, blobs, path):
    save(tiny(cls).fit(blobs[0]), path)
    description, arrays = _container.read(path)
    for name in arrays:
        changed = change(arrays[name])
        forged = {**arrays, name: changed}
        if changed is None:
            del forged[name]
        elif changed.dtype == arrays[name].dtype == np.int64:
            continue  # labels, whose values are the author's business
        _container.write(path, description, forged)
        assert_refused(path, name.split("model_.")[-1])


def test_unknown_tensors__are_refused(forge, path):
    forge(lambda _, arrays: arrays.update({"later": np.zeros(3)}))
    assert_refused(path, r"unknown tensors: \['later'\]")
    forge(lambda _, arrays: arrays.update({"model_.later": np.zeros(3)}))
    assert_refused(path, r"unknown \['later'\]")


@each_estimator
def test_values_of_a_forger__break_no_method(cls, forge, path, blobs):
    def change(estimator, arrays):
        for array in arrays.values():
            array[...] = np.iinfo("i4").max if array.dtype.kind == "i" else 1e30

    forge(change, cls)
    try:
        results = outputs(load(path), blobs[0])
    except ValueError as error:  # of load, or of numbers that overflow
        assert str(error)
    else:
        assert results
