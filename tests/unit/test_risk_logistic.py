"""The bounded elastic net agrees with scikit-learn where no bound binds, and keeps its bounds where one does."""

import numpy as np
import pytest

from models.risk.logistic import signed_logistic, solve


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(3000, 6))
    Z[:, 1] += 0.8 * Z[:, 0]
    y = rng.random(3000) < 1 / (1 + np.exp(-(-2 + Z @ np.array([0.8, -0.4, 0.0, 0.3, 0.0, -0.6]))))
    return (Z - Z.mean(0)) / Z.std(0), y, rng.uniform(0.5, 2, size=3000)


def test_equals_scikit_learn_without_bounds(data):
    from sklearn.linear_model import LogisticRegression

    Z, y, w = data
    penalty, l1 = 0.01, 0.5
    ours = solve(Z, y.astype(float), w, np.zeros(6), penalty, l1)
    theirs = LogisticRegression(
        solver="saga", l1_ratio=l1, C=1 / (penalty * len(y)), tol=1e-9, max_iter=20_000, random_state=0
    ).fit(Z, y, sample_weight=w / w.mean())
    assert np.allclose(ours[1:], theirs.coef_[0], atol=1e-4)
    assert np.isclose(ours[0], theirs.intercept_[0], atol=1e-4)


def test_a_feature_pushes_only_the_declared_way(data):
    Z, y, w = data
    sign = np.array([1, 1, 1, -1, 0, -1])
    model = signed_logistic(Z, y, w, sign, 0.001, 0.5)
    coefficients = model.coef_[0]
    assert (coefficients * sign >= 0).all()
    assert coefficients[1] == 0 and coefficients[3] == 0
    assert coefficients[0] > 0.2 and coefficients[5] < -0.2


def test_the_answer_satisfies_the_conditions_of_the_optimum(data):
    """Karush-Kuhn-Tucker: no allowed move of a coordinate lowers the objective."""
    Z, y, w = data
    sign, penalty, l1 = np.array([1, 1, 0, -1, 0, 0]), 0.005, 0.7
    b = solve(Z, y.astype(float), w, sign, penalty, l1)
    share = w / w.sum()
    gradient = Z.T @ (share * (1 / (1 + np.exp(-(b[0] + Z @ b[1:]))) - y)) + penalty * (1 - l1) * b[1:]
    for j in range(6):
        if b[1 + j] != 0:
            assert abs(gradient[j] + penalty * l1 * np.sign(b[1 + j])) < 1e-7
        else:
            assert sign[j] == -1 or gradient[j] >= -penalty * l1 - 1e-7
            assert sign[j] == 1 or gradient[j] <= penalty * l1 + 1e-7
