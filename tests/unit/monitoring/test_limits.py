import json
import math

import pytest

from monitoring import attribution, bias, limits
from monitoring.bias_metrics import NAMES
from monitoring.limits import LimitError, Limits
from monitoring.model import Explanation, Facet

RACE, SINGLE = Facet("race", values=("b",)), Facet("single", values=("yes",))
FOUR_FIFTHS = Limits(bias={"DI": (0.8, 1.25)})


def analysis(approved=90, of=100, others=(95, 100), **options):
    """Approvals of facet race=b and of the rest; the second facet is the same for both."""
    columns = {"race": ["b"] * of + ["w"] * others[1], "single": ["yes", "no"] * ((of + others[1]) // 2)}
    decisions = [k < approved for k in range(of)] + [k < others[0] for k in range(others[1])]
    labels = [k % 3 > 0 for k in range(len(decisions))]
    return bias.analysis(bias.counts((RACE, SINGLE), columns, decisions, labels), **options)


def explanation(*sizes):
    import numpy as np

    names = tuple(f"f{k}" for k in range(len(sizes)))
    return attribution.analysis(Explanation(names, np.array([sizes, [-size for size in sizes]], dtype=float)))


@pytest.mark.parametrize(
    ("approved", "kept"),
    [(76, True), (75, False), (100, True), (40, False)],  # of 95 others: four fifths are 76
)
def test_the_value_itself_is_judged(approved, kept):
    broken = limits.judge(analysis(approved), None, FOUR_FIFTHS)
    assert [(each.metric, each.subject) for each in broken] == ([] if kept else [("DI", "race=b")])


def test_what_is_broken_names_metric_facet_value_and_limit():
    (broken,) = limits.judge(analysis(60), None, FOUR_FIFTHS)
    assert broken.value == pytest.approx(0.6 / 0.95)
    assert (broken.lowest, broken.highest) == (0.8, 1.25)
    assert broken.text == "DI of race=b is 0.6316, not within the limits 0.8 to 1.25"


def test_the_interval_and_the_rows_are_told_where_they_are_known():
    (broken,) = limits.judge(analysis(70, intervals=True), None, FOUR_FIFTHS)
    assert "(95 % interval 0.6" in broken.text
    assert "100 rows against 100)" in broken.text


def test_limits_are_of_every_facet_and_of_both_stages():
    narrow = Limits(bias={"DPL": (0.0, 0.0), "DPPL": (0.0, 0.0), "CI": (-1.0, 1.0)})
    broken = limits.judge(analysis(60), None, narrow)
    assert {(each.metric, each.subject) for each in broken} == {
        *(("DPL", facet) for facet in ("race=b", "single=yes")),
        *(("DPPL", facet) for facet in ("race=b", "single=yes")),
    }
    assert [text.split(" is ")[0] for text in limits.kept(analysis(60), None, narrow)] == [
        "CI of race=b",
        "CI of single=yes",
    ]


def test_what_is_kept_and_what_is_broken_are_all_that_is_limited():
    for approved in range(0, 101, 5):
        document = analysis(approved)
        judged = limits.judge(document, None, FOUR_FIFTHS)
        assert len(judged) + len(limits.kept(document, None, FOUR_FIFTHS)) == 2


def test_a_group_without_members_is_broken():
    empty = analysis(approved=0, of=0)
    (broken, *_) = limits.judge(empty, None, FOUR_FIFTHS)
    assert (broken.subject, broken.value) == ("race=b", None)
    assert "DI of race=b is undefined, not within the limits" in broken.text


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_no_number_is_broken(value):
    document = {
        "post_training_bias_metrics": {
            "facets": {"race": [{"value_or_threshold": "b", "metrics": [{"name": "DI", "value": value}]}]}
        }
    }
    (broken,) = limits.judge(document, None, FOUR_FIFTHS)
    assert broken.value is None


def test_a_facet_that_lacks_what_another_one_has_is_broken():
    document = analysis()
    group = document["post_training_bias_metrics"]["facets"]["single"][0]
    group["metrics"] = [each for each in group["metrics"] if each["name"] != "DI"]
    assert [each.subject for each in limits.judge(document, None, FOUR_FIFTHS)] == ["single=yes"]


def test_a_metric_that_was_not_measured_is_an_error_that_names_those_that_were():
    with pytest.raises(LimitError, match=r"bias CDDPL: not in the analysis, which has .*DPPL"):
        limits.judge(analysis(), None, Limits(bias={"CDDPL": (-0.1, 0.1)}))


@pytest.mark.parametrize("nothing", [None, {}, {"post_training_bias_metrics": {"facets": {}}}])
def test_limits_of_what_nobody_measured_are_an_error(nothing):
    with pytest.raises(LimitError, match="not in the analysis, which has none"):
        limits.judge(nothing, None, FOUR_FIFTHS)


def test_without_limits_nothing_is_asked_for():
    assert limits.judge(None, None, Limits()) == []
    assert limits.judge({"what": "ever"}, None, Limits.read("{}")) == []


@pytest.mark.parametrize(("sizes", "kept"), [((1, 1), True), ((2, 1, 1), True), ((2.1, 1, 1), False), ((1,), False)])
def test_no_feature_may_decide_more_than_its_share(sizes, kept):
    broken = limits.judge(None, explanation(*sizes), Limits(max_attribution_share=0.5))
    assert [each.subject for each in broken] == ([] if kept else ["f0"])


def test_a_share_of_nothing_is_broken():
    (broken,) = limits.judge(None, explanation(0, 0), Limits(max_attribution_share=0.5))
    assert broken.value is None


def test_a_share_without_an_explanation_is_an_error():
    with pytest.raises(LimitError, match="no explanation"):
        limits.judge(None, None, Limits(max_attribution_share=0.5))
    with pytest.raises(LimitError, match="no global_shap_values"):
        limits.judge(None, {"explanations": {}}, Limits(max_attribution_share=0.5))


def test_shares_add_up_and_come_largest_first():
    shares = limits.shares(explanation(1, 3, 2))
    assert list(shares) == ["f1", "f2", "f0"]
    assert sum(shares.values()) == pytest.approx(1)


def test_limits_are_the_same_again_from_their_text():
    given = Limits(0.4, {"DI": (0.8, 1.25), "DPPL": (-0.2, 0.2)})
    assert Limits.read(given.text()) == given
    assert Limits.read(Limits().text()) == Limits()


def test_more_limits_than_fit_into_an_argument_are_refused_before_sagemaker_does():
    assert len(Limits(0.25, dict.fromkeys(sorted(NAMES)[:10], (-0.125, 0.125))).text()) <= 256
    with pytest.raises(LimitError, match="AWS allows 256: limit fewer metrics"):
        Limits(0.25, dict.fromkeys(NAMES, (-0.125, 0.125))).text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "limits ''"),
        ("[]", "limits"),
        ('{"bias": {"DI": 0.8}}', "limits"),
        ('{"bias": {"DI": [0.8]}}', "limits"),
        ('{"bias": {"DI": ["low", "high"]}}', "limits"),
        ('{"bias": {"FAIR": [0, 1]}}', r"'FAIR' is none of Clarify's metrics AD, CDDL, "),
        ('{"bias": {"DI": [1.25, 0.8]}}', "no range"),
        ('{"bias": {"DI": [NaN, 1]}}', "no range"),
        ('{"bias": {"DI": [0.8, Infinity]}}', "no range"),
        ('{"max_attribution_share": 0}', "not above 0"),
        ('{"max_attribution_share": 1.5}', "at most 1"),
        ('{"max_attribution_share": NaN}', "not above 0"),
        ('{"di": [0.8, 1.25]}', "di is neither"),
    ],
)
def test_what_are_no_limits_is_refused(text, says):
    with pytest.raises(LimitError, match=says):
        Limits.read(text)


def test_a_document_as_written_to_a_file_is_judged_alike():
    document = analysis(60, intervals=True)
    written = json.loads(json.dumps(document, allow_nan=False))
    assert limits.judge(written, None, FOUR_FIFTHS) == limits.judge(document, None, FOUR_FIFTHS)
