"""scikit-learn's own checks on every public estimator."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeepcluster import Autoencoder, DECClustering
from tests._discovery import CLUSTERERS, ESTIMATORS, FROM_AUTOENCODER, tiny

# check_estimator leaves these out.
FURTHER_CHECKS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_set_output_transform_polars,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_global_set_output_transform_polars,
]


def expected_failures(estimator):
    """Name and reason of each check that fails, for reasons that are not ours.

    setup.cfg makes every expected failure strict.
    """
    if not hasattr(estimator, "predict_proba"):
        return {}
    reason = (
        "the check takes every estimator with predict_proba for a classifier and reads "
        "its classifier_tags, which are None for a clusterer"
    )
    return {
        "check_estimator_sparse_array": reason,
        "check_estimator_sparse_matrix": reason,
    }


def tiny_but_sound(cls):
    """One that finds the clusters of a check also where it starts with nothing."""
    starts_with_something = cls in FROM_AUTOENCODER or cls not in CLUSTERERS
    return tiny(cls) if starts_with_something else tiny(cls, max_epochs=10)


@parametrize_with_checks(
    [tiny_but_sound(cls) for cls in ESTIMATORS],
    expected_failed_checks=expected_failures,
)
def test_upstream__tiny(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [Autoencoder(), DECClustering()], expected_failed_checks=expected_failures
)
def test_upstream__one_of_each_family_at_defaults(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [cls() for cls in ESTIMATORS], expected_failed_checks=expected_failures
)
def test_upstream__all_at_defaults(estimator, check):
    check(estimator)


# These checks mix arrays and data frames on purpose.
@pytest.mark.filterwarnings("ignore:X (has|does not have).*feature names:UserWarning")
@pytest.mark.parametrize("check", FURTHER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_upstream__further_checks(cls, check):
    check(cls.__name__, tiny(cls))


def test_discovery_finds_both_families():
    assert Autoencoder in ESTIMATORS
    assert Autoencoder not in CLUSTERERS
    assert DECClustering in CLUSTERERS
