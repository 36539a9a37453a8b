"""Artifacts, actions, contexts and their associations: names, properties, limits, orders and errors."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.core.api import ResourceLimitExceeded, ResourceNotFound, ValidationException
from local_aws.lineage import graph

SOURCE = {"SourceUri": "s3://bucket/data"}
MISSING = "arn:aws:sagemaker:eu-west-1:111122223333:artifact/" + 32 * "0"


def test_an_artifact_is_described_as_it_was_made(call):
    types = [{"SourceIdType": "S3Version", "Value": "v1"}]
    source = {**SOURCE, "SourceTypes": types}
    made = call(
        "CreateArtifact",
        ArtifactName="months",
        Source=source,
        ArtifactType="DataSet",
        Properties={"rows": "10"},
        MetadataProperties={"CommitId": "abc"},
        Tags=[{"Key": "team", "Value": "risk"}],
    )
    found = call("DescribeArtifact", **made)
    assert found["Source"] == source
    assert (found["ArtifactName"], found["ArtifactType"]) == ("months", "DataSet")
    assert (found["Properties"], found["MetadataProperties"]) == ({"rows": "10"}, {"CommitId": "abc"})
    assert found["CreationTime"] == found["LastModifiedTime"]
    assert not [member for member in found if member.startswith("_")]
    assert call("ListTags", ResourceArn=made["ArtifactArn"])["Tags"] == [{"Key": "team", "Value": "risk"}]


def test_there_is_one_artifact_a_source_and_its_arn_follows_from_it(call, artifact):
    arn = artifact("s3://bucket/data")
    with pytest.raises(ValidationException, match="SourceUri s3://bucket/data already exists"):
        artifact("s3://bucket/data", "Model")
    call("DeleteArtifact", Source=SOURCE)
    assert artifact("s3://bucket/data") == arn != artifact("s3://bucket/other")


@pytest.mark.parametrize("kind", ["Action", "Context"])
def test_names_of_actions_and_contexts_are_taken_once(call, kind):
    given = {f"{kind}Name": "mine", "Source": SOURCE, f"{kind}Type": "Endpoint"}
    arn = call(f"Create{kind}", **given)[f"{kind}Arn"]
    assert arn.endswith(f":{kind.lower()}/mine")
    with pytest.raises(ValidationException, match="already exists"):
        call(f"Create{kind}", **given)
    for name in ("mine", arn):
        assert call(f"Describe{kind}", **{f"{kind}Name": name})[f"{kind}Arn"] == arn
    call(f"Delete{kind}", **{f"{kind}Name": "mine"})
    with pytest.raises(ResourceNotFound, match="mine does not exist"):
        call(f"Describe{kind}", **{f"{kind}Name": "mine"})


def test_an_update_adds_changes_and_removes_properties(call, artifact):
    arn = artifact("s3://bucket/data", Properties={"k1": "v1", "k2": "v2"})
    before = call("DescribeArtifact", ArtifactArn=arn)
    given = {"ArtifactName": "named", "Properties": {"k2": "new", "k3": "v3"}, "PropertiesToRemove": ["k1", "none"]}
    call("UpdateArtifact", ArtifactArn=arn, **given)
    after = call("DescribeArtifact", ArtifactArn=arn)
    assert (after["Properties"], after["ArtifactName"]) == ({"k2": "new", "k3": "v3"}, "named")
    assert after["CreationTime"] == before["CreationTime"] < after["LastModifiedTime"]
    with pytest.raises(ValidationException, match="32 entries"):
        call("UpdateArtifact", ArtifactArn=arn, Properties={f"p{number}": "" for number in range(30)})


def test_an_actions_status_changes(call):
    call("CreateAction", ActionName="train", Source=SOURCE, ActionType="ModelTraining", Status="InProgress")
    call("UpdateAction", ActionName="train", Status="Completed", Description="done")
    found = call("DescribeAction", ActionName="train")
    assert (found["Status"], found["Description"]) == ("Completed", "done")
    with pytest.raises(ValidationException, match="Unknown, InProgress, Completed"):
        call("UpdateAction", ActionName="train", Status="Finished")


def test_lists_are_newest_first_filtered_and_paged(call, artifact):
    arns = [artifact(f"s3://bucket/{number}", "DataSet" if number % 2 else "Model") for number in range(5)]
    first = call("ListArtifacts", MaxResults=3)
    rest = call("ListArtifacts", MaxResults=3, NextToken=first["NextToken"])
    listed = [row["ArtifactArn"] for page in (first, rest) for row in page["ArtifactSummaries"]]
    assert listed == arns[::-1]
    assert "NextToken" not in rest
    found = call("ListArtifacts", ArtifactType="DataSet", SortOrder="Ascending")["ArtifactSummaries"]
    assert [row["ArtifactArn"] for row in found] == arns[1::2]
    [found] = call("ListArtifacts", SourceUri="s3://bucket/2")["ArtifactSummaries"]
    assert found["ArtifactArn"] == arns[2]
    # "on or after", "on or before": the moment itself counts.
    moment = found["CreationTime"]
    around = call("ListArtifacts", CreatedAfter=moment, CreatedBefore=moment)["ArtifactSummaries"]
    assert [row["ArtifactArn"] for row in around] == [arns[2]]
    assert call("ListArtifacts", SourceUri="s3://bucket/none") == {"ArtifactSummaries": []}


def test_an_entity_with_associations_stays(call, artifact, join):
    data, model = artifact("s3://b/data"), artifact("s3://b/model")
    join(data, model)
    for arn in (data, model):
        with pytest.raises(ValidationException, match="has associations"):
            call("DeleteArtifact", ArtifactArn=arn)
    call("DeleteAssociation", SourceArn=data, DestinationArn=model)
    assert call("DeleteArtifact", ArtifactArn=model) == {"ArtifactArn": model}
    with pytest.raises(ResourceNotFound):
        call("DeleteAssociation", SourceArn=data, DestinationArn=model)


@pytest.mark.parametrize("given", [{}, {"ArtifactArn": MISSING, "Source": SOURCE}])
def test_what_to_delete_is_named_one_way(call, given):
    with pytest.raises(ValidationException, match="Either ArtifactArn or Source"):
        call("DeleteArtifact", **given)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DescribeArtifact", {"ArtifactArn": MISSING}),
        ("DeleteArtifact", {"Source": {"SourceUri": "s3://none"}}),
        ("UpdateContext", {"ContextName": "none"}),
        ("DescribeTrialComponent", {"TrialComponentName": "none"}),
        ("DescribeLineageGroup", {"LineageGroupName": "none"}),
        ("QueryLineage", {"StartArns": [MISSING]}),
        ("AddAssociation", {"SourceArn": MISSING, "DestinationArn": MISSING}),
    ],
)
def test_what_is_not_there_is_not_found(call, operation, params):
    with pytest.raises(ResourceNotFound, match="does not exist"):
        call(operation, **params)


def test_two_entities_have_one_association_in_each_direction(call, artifact, join):
    first, second = artifact("s3://b/1"), artifact("s3://b/2")
    join(first, second)
    join(second, first, "DerivedFrom")
    with pytest.raises(ValidationException, match="already exists"):
        join(first, second, "Produced")


def test_experiments_are_not_associated_with_each_other(call):
    arn = MISSING.replace("artifact", "experiment-trial-component")
    with pytest.raises(ValidationException, match="two experiment entities"):
        call("AddAssociation", SourceArn=arn, DestinationArn=arn)


def test_associations_are_listed_with_names_and_types_of_both_ends(call, artifact, join):
    data = artifact("s3://b/data", ArtifactName="months")
    model = artifact("s3://b/model", "Model")
    join(data, model)
    join(model, data, "AssociatedWith")
    [found] = call("ListAssociations", SourceArn=data)["AssociationSummaries"]
    assert (found["SourceName"], found["SourceType"], found["DestinationType"]) == ("months", "DataSet", "Model")
    assert found["AssociationType"] == "ContributedTo"
    assert "DestinationName" not in found
    [found] = call("ListAssociations", DestinationType="DataSet")["AssociationSummaries"]
    assert found["SourceArn"] == model
    by_type = call("ListAssociations", SortBy="SourceType", SortOrder="Ascending")["AssociationSummaries"]
    assert [row["SourceType"] for row in by_type] == ["DataSet", "Model"]


def test_the_quota_counts_what_clients_made_only(ctx, artifact, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(vars(graph.ARTIFACT), "limit", 2)
    for number in range(5):
        graph.ensure(ctx, graph.ARTIFACT, str(number), {"ArtifactType": "Image", "Source": SOURCE})
    artifact("s3://b/1")
    artifact("s3://b/2")
    with pytest.raises(ResourceLimitExceeded, match="is 2 Artifacts, with current utilization of 2 Artifacts"):
        artifact("s3://b/3")


def test_every_account_has_its_own_lineage_group(call):
    [group] = call("ListLineageGroups")["LineageGroupSummaries"]
    name: dict[str, Any] = {"LineageGroupName": group["LineageGroupName"]}
    assert call("DescribeLineageGroup", **name)["LineageGroupArn"] == group["LineageGroupArn"]
    with pytest.raises(ResourceNotFound, match="no resource policy"):
        call("GetLineageGroupPolicy", **name)
