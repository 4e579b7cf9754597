import numpy as np
import pandas as pd
import pytest

from ml.tables.errors import TableError
from ml.trials.figures import figures_of
from ml.trials.fitting import fit_table
from ml.trials.model import bounded
from ml.trials.roles import Roles, prepare
from ml.trials.store import load, save

TRIAL = Roles("bought", "mail", "none", amount="spent", cost=0.5)


def table(rows: int = 600, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    mail = random.choice(["none", "=A", "B b"], rows)
    old = random.random(rows) < 0.5
    bought = random.random(rows) < 0.2 + 0.3 * (mail == "=A") * old
    return pd.DataFrame({
        "age": np.where(old, 60, 30) + random.integers(0, 9, rows), "städte": random.choice(["x", "ÿ"], rows),
        "mail": mail, "bought": np.where(bought, "yes", "no"), "spent": np.where(bought, random.gamma(2, 10, rows), 0),
    })  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    return fit_table(table(), TRIAL, "t.csv", seed=1)


def test_scores_have_the_columns_of_the_contract_in_their_order(fitted):
    scores = fitted.model.score(table(50, seed=2), "s.csv")
    assert list(scores.columns) == [
        "propensity", "uplift_=A", "net_value_=A", "uplift_B b", "net_value_B b", "best_action", "best_net_value",
    ]  # fmt: skip
    assert len(scores) == 50
    assert np.isfinite(scores.select_dtypes("number").to_numpy()).all()


def test_the_best_action_has_the_highest_net_value(fitted):
    scores = fitted.model.score(table(200, seed=3), "s.csv")
    net = scores[["net_value_=A", "net_value_B b"]].assign(none=0.0)
    assert (scores["best_net_value"] == net.max(axis=1)).all()
    names = {"net_value_=A": "=A", "net_value_B b": "B b", "none": "none"}
    assert (net.idxmax(axis=1).map(names) == scores["best_action"]).all()


def test_rows_are_scored_the_same_in_any_order_and_company(fitted):
    rows = table(40, seed=4)
    scores = fitted.model.score(rows, "s.csv")
    turned = fitted.model.score(rows.iloc[::-1].reset_index(drop=True), "s.csv").iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(scores, turned)


def test_a_table_without_rows_has_no_scores(fitted):
    scores = fitted.model.score(table(1).astype(object).head(0), "s.csv")
    assert list(scores.columns) == list(fitted.model.score(table(1), "s.csv").columns)
    assert scores.empty


def test_a_model_read_back_scores_the_same(fitted, tmp_path):
    save(fitted.model, tmp_path / "m")
    assert not list((tmp_path / "m").glob("*.pkl"))
    pd.testing.assert_frame_equal(load(tmp_path / "m").score(table(30), ""), fitted.model.score(table(30), ""))


def test_effects_come_with_their_uncertainty(fitted):
    matrix = fitted.model.encoder.matrix(table(20), "")
    sd = fitted.model.effects.sd(matrix)
    assert sd.shape == (20, 2)
    assert (sd >= 0).all()


def test_figures_and_pictures_are_of_rows_that_were_not_learned_from(fitted):
    figures = figures_of(fitted)
    assert {"policy_value", "policy_value_low", "A.qini", "A.auuc", "A.uplift_at_30", "A.calibration_error"} <= set(
        figures.metrics
    )
    assert {"candidates.png", "uplift_A.png"} <= set(figures.pictures)
    assert "candidate" in figures.card


def test_after_a_mailing_uplift_is_the_chance_to_respond_and_net_value_decides():
    mailing = table(300).drop(columns=["mail"])
    model = fit_table(mailing, Roles("bought", amount="spent", cost=6.0), "m.csv", seed=1).model
    scores = model.score(mailing, "m.csv")
    assert (scores["uplift_contact"] == scores["propensity"]).all()
    assert ((scores["best_action"] == "contact") == (scores["net_value_contact"] > 0)).all()
    assert any("response without contact is taken as none" in note for note in model.facts["notes"])


@pytest.mark.parametrize(
    ("roles", "change", "says"),
    [
        (Roles("sold"), {}, "--outcome names column 'sold'"),
        (Roles("bought", "mail", "nobody"), {}, "isn't among the values of 'mail'"),
        (Roles("bought", "mail"), {}, "needs --control"),
        (Roles("bought", "mail", "none"), {"mail": "none"}, "in every row"),
        (Roles("bought"), {"bought": "no"}, "nothing can be learned"),
        (Roles("städte"), {}, "which of them is a response isn't known"),
        (Roles("bought", "mail", "none", probability="age"), {}, "data row 1"),
        (Roles("age", amount="spent"), {}, "is an amount itself"),
        (Roles("bought", "mail", "none", exclude=("x", )), {}, "--exclude"),
        (Roles("bought", "id", "0"), {"id": range(600)}, "at most 20"),
    ],
)  # fmt: skip
def test_bad_roles_are_named_with_the_file_and_what_would_be_right(roles, change, says):
    with pytest.raises(TableError, match=says) as error:
        prepare(table().assign(**change), roles, "t.csv")
    assert "t.csv" in str(error.value)


def test_a_probability_of_being_contacted_is_recognized_by_its_shares():
    random = np.random.default_rng(1)
    chance = random.uniform(0.1, 0.4, 4_000)
    mail = np.where(random.random(4_000) < chance, "mail", "none")
    rows = pd.DataFrame({"a": random.normal(size=4_000), "y": random.integers(0, 2, 4_000), "mail": mail, "p": chance})
    found = prepare(rows, Roles("y", "mail", "none", probability="p"), "t.csv")
    np.testing.assert_allclose(found.probability, np.where(mail == "mail", chance, 1 - chance), rtol=1e-6)
    own = prepare(rows.assign(p=found.probability), Roles("y", "mail", "none", probability="p"), "t.csv")
    np.testing.assert_allclose(own.probability, found.probability, rtol=1e-6)


def test_no_action_is_promised_more_than_the_chosen_one():
    net = np.array([[0.0, 1.0, 2.0], [0.0, -1.0, 3.0], [0.0, 0.5, -1.0]])
    kept = bounded(net, np.array([1, 1, 0]))
    assert (kept.argmax(axis=1) == [1, 1, 0]).all()
    assert kept[0, 1] == 1.0
    assert kept[2, 1] == 0.0
