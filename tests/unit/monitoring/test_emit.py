"""Names that alarms, dashboards and rules know too."""

from mlops_constructs import model_metrics, monitoring_role
from monitoring import emit
from monitoring.findings import CALIBRATION, DATA_DRIFT, Confirmation


def test_alarms_look_where_the_metrics_are_put():
    assert emit.NAMESPACE == model_metrics.MONITORING_NAMESPACE


def test_the_event_is_the_one_that_the_role_may_send():
    assert emit.SOURCE == monitoring_role.EVENT_SOURCE
    assert emit.DETAIL_TYPE == monitoring_role.EVENT_TYPE


def test_only_outcomes_say_that_the_model_got_worse():
    assert emit.is_degraded([Confirmation(CALIBRATION, True, 3, 4, ())])
    assert not emit.is_degraded([Confirmation(CALIBRATION, False, 2, 4, ()), Confirmation(DATA_DRIFT, True, 4, 4, ())])
    assert not emit.is_degraded([])
