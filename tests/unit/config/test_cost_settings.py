"""What money may be spent on, and what may stop: limits that the configuration must keep."""

import pytest

from stacks.settings import load


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("[budget]\nnotify_percent = []", "budget.notify_percent = []"),
        ("[budget]\nnotify_percent = [80, 80]", "a list of different percentages"),
        ("[budget]\nnotify_percent = [1, 2, 3, 4, 5, 6]", "budget.notify_percent"),
        ("[budget]\nmonthly_usd = -1", "budget.monthly_usd = -1"),
        ("[models.loan_approval.budget]\nmonthly_usd = 0.5", "budget.monthly_usd = 0.5"),
        ("[models.loan_approval.training]\nspot_wait_seconds = -1", "training.spot_wait_seconds = -1"),
    ],
)
def test_refused(refusal, addition, told):
    assert told in refusal(addition)


def test_an_endpoint_may_stop_only_where_nothing_is_kept(refusal):
    line = refusal("[models.loan_approval.serving.stop]\nenabled = true", environment="prod")
    assert "config/prod.toml: models.loan_approval.serving.stop.enabled = true: must be false" in line
    assert line.endswith("since retain is true")


def test_what_model_monitor_watches_may_not_stop(refusal):
    watched = '[models.loan_approval.monitoring]\nengine = "model-monitor"\nlabels.missing_means = ""'
    assert 'false, since monitoring.engine "model-monitor" holds the endpoint' in refusal(watched, environment="dev")


@pytest.mark.parametrize("cron", ["cron(0 25 ? * MON-FRI *)", "rate(1 day)", "at night"])
def test_the_time_to_stop_is_a_cron_expression_or_none(refusal, cron):
    line = refusal(f'[models.loan_approval.serving.stop]\ndown_cron = "{cron}"', environment="dev")
    assert f'models.loan_approval.serving.stop.down_cron = "{cron}"' in line


def test_it_cannot_start_when_it_stops(refusal):
    same = 'up_cron = "cron(0 20 ? * MON-FRI *)"'
    assert "another time than down_cron" in refusal(f"[models.loan_approval.serving.stop]\n{same}", environment="dev")


def test_who_stops_it_may_be_a_person_alone(config):
    with (config / "dev.toml").open("a") as file:
        file.write('\n[models.loan_approval.serving.stop]\ndown_cron = ""\nup_cron = ""\n')
    stop = load(config, "dev").models["loan_approval"].serving.stop
    assert (stop.enabled, stop.down_cron, stop.up_cron) == (True, "", "")


@pytest.mark.parametrize("section", ["budget", "models.loan_approval.budget"])
def test_one_budget_is_enough_to_let_budgets_tell(config, section):
    assert not load(config, "prod").has_budgets
    with (config / "prod.toml").open("a") as file:
        file.write(f"\n[{section}]\nmonthly_usd = 500\n")
    assert load(config, "prod").has_budgets
