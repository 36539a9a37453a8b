"""What banks' own history does for the model, and what a wrong join would pretend that it does."""

import json

import numpy as np
import pytest
import xgboost

from features.errors import FeatureError
from loan_approval import inference
from loan_approval.encoding import FEATURE_TYPES, FEATURES
from loan_approval.history import GROUP, REGIONS, VARIABLE, History
from loan_approval.schema import HISTORY_NAMES
from loan_approval.steps import dataset, features
from loan_approval.steps.features import Split
from monitoring.auc import auc, auc_difference
from tabular.serving import RequestError

from . import histories
from .conftest import LOANS, SPLIT

LATER = Split("2003-01-01", "2004-09-30", "2004-10-01", "2004-12-31", validation_months=3)
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.05,
    "min_child_weight": 3,
    "lambda": 5,
    "colsample_bytree": 0.5,
    "seed": 20021001,
    "nthread": 1,
}
"""Those of the pipeline."""


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    (folder / LOANS.name).symlink_to(LOANS)
    table = dataset.read_table(folder)
    return table[table["ApprovalDate"] <= LATER.test_to]


@pytest.fixture(scope="module")
def joined(loans):
    """The loans by what joined them."""
    return {join: features.with_history(loans, join) for join in (histories.nothing, histories.as_of, histories.newest)}


def judged(loans, split, *left_out):
    """Labels of the test period, and the probabilities of a model that learned from these loans."""
    parts = features.transform(loans, split)
    names = [name for name in FEATURES if name not in left_out]
    types = [kind for name, kind in zip(FEATURES, FEATURE_TYPES, strict=True) if name not in left_out]
    tables = (parts.train, parts.validation, features._features(parts.test))
    values = [table[names].to_numpy(np.float64) for table in tables]
    labels = [table["bad"].to_numpy(np.float64) for table in tables]
    learned = xgboost.DMatrix(np.concatenate(values[:2]), np.concatenate(labels[:2]), feature_types=types)
    booster = xgboost.train(PARAMETERS, learned, 200)
    return labels[2], booster.predict(xgboost.DMatrix(values[2], feature_types=types))


def test_the_history_that_was_known_helps_the_first_version(joined):
    labels, without = judged(joined[histories.nothing], SPLIT)
    _, known = judged(joined[histories.as_of], SPLIT)
    gain = auc_difference(labels, known, without)
    assert gain.lower > 0  # 95 % interval
    assert 0.005 < gain.value < 0.025  # what banks know of each other's future would be worth more


def test_a_join_that_knows_the_future_pretends_a_gain_that_ours_does_not(joined):
    """Without the bank's name, so that the history has to say all; 2004 is where charge-offs begin to differ."""
    labels, without = judged(joined[histories.nothing], LATER, "bank")
    _, known = judged(joined[histories.as_of], LATER, "bank")
    _, leaked = judged(joined[histories.newest], LATER, "bank")
    assert auc_difference(labels, leaked, known).lower > 0.02
    assert auc(labels, leaked).value > auc(labels, without).value + 0.03
    assert auc(labels, known).value < auc(labels, without).value + 0.02


def test_no_loan_sees_what_its_bank_did_from_its_own_day_on(loans):
    """Every later month changed beyond recognition: nothing of the loan's history moves."""
    day = "2002-09-17"
    some = loans[loans["ApprovalDate"] == day]
    before = features.with_history(some, histories.as_of)

    def changed(rows):
        return {
            row: max(
                (each for each in histories.records()[bank] if each["known_from"] <= moment),
                key=lambda each: each["known_from"],
            )
            for row, bank, moment in rows
        }

    assert features.with_history(some, changed).equals(before)
    newest = {each["known_from"] for each in histories.as_of([("0", "other", f"{day}T00:00:00Z")]).values()}
    assert newest == {"2002-09-01T00:00:00Z"}


def test_a_bank_and_a_day_are_asked_for_once_and_reach_every_loan(loans):
    asked = []

    def join(rows):
        asked.extend(rows)
        return histories.as_of(rows)

    found = features.with_history(loans, join)
    assert len({(bank, moment) for _, bank, moment in asked}) == len(asked) < len(loans)
    assert len(found) == len(loans) and found.index.equals(loans.index)
    citi = found[found["bank"] == "CITIBANK, N.A."].groupby("ApprovalDate")["approvals_12m"].nunique()
    assert (citi == 1).all()


def test_loans_of_an_unlisted_bank_have_the_history_of_the_others(loans):
    closed = loans[loans["bank"] == "LOANS FROM OLD CLOSED LENDERS"].head(3)
    other = closed.assign(bank="other")
    one, two = (features.with_history(each, histories.as_of)[list(HISTORY_NAMES)] for each in (closed, other))
    assert one.equals(two) and one.notna().all().all()


class Store:
    """What an online store answers."""

    def __init__(self, known=None, error=None):
        self.known, self.error, self.asked = known or {}, error, []

    def get(self, group, records):
        self.asked.append(list(records))
        if self.error:
            raise self.error
        return {record: self.known[record] for record in records if record in self.known}


CITI = {"bank": "CITIBANK, N.A.", "known_from": "2003-01-01T00:00:00Z", "approvals_12m": 812, "charge_offs_12m": 31,
        "charge_off_share_12m": 0.038177}  # fmt: skip


def model_with(store, model_dir):
    made = inference.model_fn(str(model_dir))
    return inference.Model(made.booster, made.decision_threshold, "7", History(store, object()))


def ask(model, *instances):
    columns = inference.input_fn(json.dumps({"instances": list(instances)}), "application/json")
    return json.loads(inference.output_fn(inference.predict_fn(columns, model), "application/json"))["predictions"]


def test_what_a_request_does_not_bring_is_read_once_a_bank_and_told(model_dir, applications):
    store = Store({CITI["bank"]: CITI})
    citi = {**applications[0], "bank": CITI["bank"]}
    answers = ask(model_with(store, model_dir), citi, {**citi, "NoEmp": 3}, {**citi, "bank": "A BANK OF TOMORROW"})
    assert store.asked == [["CITIBANK, N.A.", "other"]]
    assert answers[0]["features"] == {name: CITI[name] for name in HISTORY_NAMES} == answers[1]["features"]
    assert answers[2]["features"] == dict.fromkeys(HISTORY_NAMES)  # nothing is known of it


def test_what_a_request_brings_counts_and_is_not_read(model_dir, applications):
    store = Store({CITI["bank"]: CITI})
    brought = {**applications[0], "bank": CITI["bank"], "charge_off_share_12m": 0.9}
    [answer] = ask(model_with(store, model_dir), brought)
    assert store.asked == []
    assert answer["features"] == {"approvals_12m": None, "charge_offs_12m": None, "charge_off_share_12m": 0.9}


def test_serving_and_scoring_agree_on_what_history_means(model_dir, applications):
    store = Store({CITI["bank"]: CITI})
    citi = {**applications[0], "bank": CITI["bank"]}
    known = {name: CITI[name] for name in HISTORY_NAMES}
    [online], [brought] = (
        ask(model_with(store, model_dir), citi),
        ask(model_with(Store(), model_dir), {**citi, **known}),
    )
    assert online == brought


def test_an_application_is_answered_though_the_store_is_not(model_dir, applications, capsys):
    """By the model alone, as for a bank that nothing is known of; the log says why."""
    failing = Store(error=FeatureError("feature group x: 2 not read after 6 requests"))
    [answer] = ask(model_with(failing, model_dir), applications[0])
    [unknown] = ask(model_with(Store(), model_dir), applications[0])
    assert answer == unknown
    assert (
        "history of 1 banks: not read, and not asked for 10 s: FeatureError: feature group x" in capsys.readouterr().err
    )


@pytest.mark.parametrize("value", ["many", -1, True])
def test_history_in_a_request_is_checked_like_any_other_field(applications, value):
    body = json.dumps({"instances": [{**applications[0], "approvals_12m": value}]})
    with pytest.raises(RequestError, match=r"instances\[0\]\.approvals_12m: "):
        inference.input_fn(body, "application/json")


def test_without_a_feature_group_there_is_no_store():
    assert History.of({}).store is None
    assert History.of({VARIABLE: "{}"}).store is None


@pytest.mark.parametrize("region", REGIONS)
def test_the_container_names_the_group_that_is_read_and_the_region(region, monkeypatch):
    for name in REGIONS:
        monkeypatch.delenv(name, raising=False)
    document = {"name": GROUP, "physical": "mlops-dev-bank-history", "record_identifier": "bank",
                "event_time": "known_from", "event_time_type": "String",
                "features": {"approvals_12m": "Integral"}}  # fmt: skip
    made = History.of({VARIABLE: json.dumps({GROUP: document}), region: "eu-west-1"})
    assert made.group.physical == "mlops-dev-bank-history" and made.store is not None


def test_a_container_whose_boto3_cannot_read_the_store_does_not_come_into_service(monkeypatch):
    document = {"name": GROUP, "physical": "g", "record_identifier": "bank", "event_time": "known_from",
                "event_time_type": "String", "features": {"approvals_12m": "Integral"}}  # fmt: skip
    monkeypatch.setattr("boto3.client", lambda *_arguments, **_options: object())
    with pytest.raises(FeatureError, match=r"boto3 [\d.]+: has no BatchGetRecord"):
        History.of({VARIABLE: json.dumps({GROUP: document}), "AWS_REGION": "eu-west-1"})


def test_a_store_that_failed_is_left_alone_for_a_while_and_asked_again_then(model_dir, applications):
    """A request does not pay for what the one before has found out."""
    made, now = inference.model_fn(str(model_dir)), [100.0]
    store = Store({CITI["bank"]: CITI}, error=TimeoutError())
    model = inference.Model(made.booster, made.decision_threshold, "7", History(store, object(), lambda: now[0]))
    citi = {**applications[0], "bank": CITI["bank"]}
    for _ in range(3):
        ask(model, citi)
    assert len(store.asked) == 1
    now[0] += 10.0
    store.error = None
    [answer] = ask(model, citi)
    assert answer["features"]["approvals_12m"] == 812
    now[0] += 2.0
    ask(model, citi)
    assert len(store.asked) == 3


def test_a_bank_is_asked_for_once_a_second_also_one_that_the_store_does_not_know(model_dir, applications):
    made, now = inference.model_fn(str(model_dir)), [100.0]
    store = Store({CITI["bank"]: CITI})
    model = inference.Model(made.booster, made.decision_threshold, "7", History(store, object(), lambda: now[0]))
    citi, nobody = ({**applications[0], "bank": bank} for bank in (CITI["bank"], "A NEW BANK"))

    def known():
        return [ask(model, each)[0]["features"]["approvals_12m"] for each in (citi, nobody)]

    assert known() == known() == [812, None]
    assert len(store.asked) == 2
    store.known[CITI["bank"]] = {**CITI, "approvals_12m": 813}
    now[0] += 0.9
    assert known() == [812, None]
    now[0] += 0.1
    assert known() == [813, None]
    assert len(store.asked) == 4
