"""What the packs asked for and got, and how they are switched on."""

import json

import pytest

from tests.infra.environments import ENVIRONMENTS, ROOT, flat

KEPT = ("staging", "prod")
WITH_TRAIL = ("local", "staging", "prod")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_ledger_is_copied_every_day_to_a_vault_that_nobody_empties_where_data_are_kept(environment, templates):
    foundation = templates(environment)["foundation"]
    if environment not in KEPT:
        assert foundation.resources("AWS::Backup::BackupVault") == {}
        return
    vault = foundation.only("AWS::Backup::BackupVault")
    assert vault["Properties"]["LockConfiguration"] == {"MinRetentionDays": 35}
    assert (vault["DeletionPolicy"], vault["UpdateReplacePolicy"]) == ("Retain", "Retain")
    [rule] = foundation.only("AWS::Backup::BackupPlan")["Properties"]["BackupPlan"]["BackupPlanRule"]
    assert rule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
    chosen = foundation.only("AWS::Backup::BackupSelection")["Properties"]["BackupSelection"]
    assert chosen["Resources"] == [{"Fn::GetAtt": ["LedgerB7379752", "Arn"]}]


def test_the_role_of_the_backup_has_rights_on_the_ledger_its_vault_and_the_key_alone(templates):
    foundation = templates("prod")["foundation"]
    allowed = foundation.allowed(foundation.role("LedgerBackupRole"))
    assert {resource for _, resource in allowed} == {
        "<LedgerB7379752>",
        "<LedgerB7379752>/backup/*",
        "<Key961B73FD>",
        *(f"<{name}>" for name in foundation.resources("AWS::Backup::BackupVault")),
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_access_logs_stay_a_month_when_somebody_deletes_them(environment, templates):
    bucket = templates(environment)["foundation"].resources("AWS::S3::Bucket")["AccessLogs8B620ECA"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


@pytest.mark.parametrize("environment", WITH_TRAIL)
def test_the_trail_also_writes_to_an_encrypted_log_group(environment, templates):
    access = templates(environment)["access"]
    trail = access.only("AWS::CloudTrail::Trail")["Properties"]
    [group] = [name for name in access.resources("AWS::Logs::LogGroup") if name.startswith("TrailWatchLogs")]
    assert trail["CloudWatchLogsLogGroupArn"] == {"Fn::GetAtt": [group, "Arn"]}
    role = access.role("TrailWatchRole")
    assert access.allowed(role) == {(f"logs:{each}", f"<{group}>") for each in ("CreateLogStream", "PutLogEvents")}


def test_touching_the_trail_its_bucket_or_the_key_rings_but_a_deployment_does_not(templates):
    access = templates("prod")["access"]
    filters = access.resources("AWS::Logs::MetricFilter").values()
    patterns = [flat(each["Properties"]["FilterPattern"]) for each in filters]
    assert all('($.sourceIPAddress != "cloudformation.amazonaws.com") && ' in each for each in patterns)
    assert max(len(each) for each in patterns) < 1024 - 200  # PutMetricFilter: filterPattern; names are longer
    calls = {"StopLogging", "DeleteTrail", "PutEventSelectors", "DeleteBucketPolicy", "ScheduleKeyDeletion"}
    assert {call for call in calls if any(f'"{call}"' in each for each in patterns)} == calls
    [figure] = {json.dumps(each["Properties"]["MetricTransformations"]) for each in filters}
    [counted] = json.loads(figure)
    [alarm] = [
        each["Properties"]
        for name, each in access.resources("AWS::CloudWatch::Alarm").items()
        if name.startswith("TrailTouched")
    ]
    assert (alarm["Namespace"], alarm["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])
    assert alarm["AlarmActions"]


def test_an_unknown_pack_is_refused_with_those_that_there_are(tmp_path):
    from stacks.settings import SettingsError, load

    for file in (ROOT / "config").glob("*.toml"):
        addition = '\n[compliance]\npacks = ["SOC2"]\n' if file.stem == "dev" else ""
        (tmp_path / file.name).write_text(file.read_text() + addition)
    with pytest.raises(SettingsError, match=r'compliance\.packs.*"SOC2".*PCI\.DSS\.321') as refused:
        load(tmp_path, "dev")
    assert "\n" not in str(refused.value)


def test_packs_of_the_configuration_are_those_that_can_be_run():
    from typing import get_args

    from stacks.compliance import PACKS
    from stacks.settings.schema import Pack

    assert set(PACKS) == set(get_args(Pack))
