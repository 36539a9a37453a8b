import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from monitoring import findings
from monitoring.findings import EMPTY, JUDGED, TOO_FEW, Finding, Judgement, Window, confirm, subjects

START = datetime(2026, 11, 1, tzinfo=UTC)


def window(day):
    return Window(START + timedelta(days=day), START + timedelta(days=day + 1))


def finding(subject="amount", *, significant=True, large=True):
    return Finding("data_drift", subject, "baseline_drift_check", 0.2, 0.1, 0.001, significant, large, "text")


def judgement(day, breached, status=JUDGED, monitor="data_drift", found=()):
    return Judgement(monitor, window(day), status, 100, tuple(found), breached)


def test_a_window_is_written_and_read():
    text = "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"
    assert str(Window.read(text)) == text
    assert Window.read(text).key == "20261101T000000Z-20261102T000000Z"


@pytest.mark.parametrize("text", ["", "2026-11-01T00:00:00Z", "2026-11-01/2026-11-02", "a/b", "//"])
def test_another_text_is_refused_with_the_form_that_is_expected(text):
    with pytest.raises(ValueError, match="expected start and end"):
        Window.read(text)


def test_a_window_ends_after_it_starts():
    with pytest.raises(ValueError, match="end after its start"):
        Window(START, START)


def test_keys_sort_as_windows_do():
    windows = [window(day) for day in random.Random(1).sample(range(400), 100)]
    assert sorted(each.key for each in windows) == [each.key for each in sorted(windows)]


@pytest.mark.parametrize("significant", [True, False])
@pytest.mark.parametrize("large", [True, False])
def test_a_finding_breaches_only_if_it_is_both(significant, large):
    assert finding(significant=significant, large=large).breaches == (significant and large)


def test_a_judgement_survives_json():
    given = Judgement("bias", window(3), JUDGED, 5, (finding(), finding("term")), True, {"DPPL": 0.1})
    assert Judgement.read(json.loads(json.dumps(given.document(), allow_nan=False))) == given


def test_k_of_the_newest_n_confirm():
    days = [True, False, True, False, True, True]
    all_days = [judgement(day, breached) for day, breached in enumerate(days)]
    assert confirm(all_days, "data_drift", 3, 4).confirmed
    assert confirm(all_days, "data_drift", 3, 4).breached == 3
    assert not confirm(all_days[:5], "data_drift", 3, 4).confirmed
    assert [each.start.day for each in confirm(all_days, "data_drift", 3, 4).windows] == [3, 4, 5, 6]


def test_the_order_in_which_judgements_are_found_does_not_matter():
    rng = random.Random(2)
    for _ in range(50):
        given = [judgement(day, rng.random() < 0.5) for day in range(8)]
        expected = confirm(given, "data_drift", 2, 3)
        rng.shuffle(given)
        assert confirm(given, "data_drift", 2, 3) == expected


def test_windows_that_were_not_judged_count_for_nothing():
    given = [
        judgement(0, True),
        judgement(1, True),
        judgement(2, False, EMPTY),
        judgement(3, False, TOO_FEW),
        judgement(4, True, monitor="bias"),
    ]
    confirmation = confirm(given, "data_drift", 2, 2)
    assert confirmation.confirmed
    assert confirmation.judged == 2


def test_a_window_that_is_judged_again_counts_as_it_was_judged_last():
    again = [judgement(0, True), judgement(1, True), judgement(1, False)]
    assert not confirm(again, "data_drift", 2, 2).confirmed


def test_nothing_judged_is_not_confirmed():
    assert confirm([], "data_drift", 1, 1) == findings.Confirmation("data_drift", False, 0, 0, ())


def test_subjects_are_those_that_breached_most_often():
    given = [
        judgement(0, True, found=[finding("b"), finding("a"), finding("c", large=False)]),
        judgement(1, True, found=[finding("b")]),
    ]
    assert subjects(given) == [("b", 2), ("a", 1)]


def hours(first, last, breached):
    """Judged from one hour to another after START."""
    part = Window(START + timedelta(hours=first), START + timedelta(hours=last))
    return Judgement("data_drift", part, JUDGED, 100, (), breached)


def test_windows_that_overlap_are_one_piece_of_evidence():
    """One bad hour lies in each of these days."""
    given = [judgement(0, False), judgement(1, False), *(hours(48 + step, 72 + step, True) for step in range(4))]
    said = confirm(given, "data_drift", 3, 4)
    assert (said.confirmed, said.breached, said.judged) == (False, 1, 3)
    assert [each.start for each in said.windows] == [START, START + timedelta(days=1), START + timedelta(hours=51)]


def test_windows_that_only_touch_are_each_their_own():
    assert confirm([hours(0, 6, True), hours(6, 12, True), hours(12, 18, True)], "data_drift", 3, 3).confirmed


def test_the_newest_window_is_the_one_that_ended_last():
    """A month that ended yesterday began before the days in it."""
    month = hours(0, 30 * 24, False)
    said = confirm([month, *(judgement(day, True) for day in range(25, 29))], "data_drift", 1, 4)
    assert (said.confirmed, said.windows) == (False, (month.window,))


def test_of_windows_that_end_together_the_one_that_began_last_counts():
    assert confirm([hours(0, 24, False), hours(18, 24, True)], "data_drift", 1, 1).confirmed
