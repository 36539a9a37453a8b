"""SageMaker's lineage entities of a version: how they hang together, and that none is made twice."""

from __future__ import annotations

from tests.unit.lambdas.record_keeper.names import ACCOUNT, CODE, ENDPOINT, IMAGE, SNAPSHOT, arn, runs


def test_graph_leads_from_data_to_the_version(trained):
    graph = trained.world.graph
    assert graph.named() == {
        ("DataSet", "ContributedTo", "ModelTraining"),
        ("Code", "ContributedTo", "ModelTraining"),
        ("Image", "ContributedTo", "ModelTraining"),
        ("ModelTraining", "Produced", "Model"),
        ("Model", "ContributedTo", "ModelPackage"),
    }
    assert graph.sources("ModelPackage") == [arn(1)]
    assert graph.sources("Model") == [runs(1, "model/model.tar.gz")]
    assert graph.sources("Code") == [CODE]
    assert graph.sources("Image") == [IMAGE]
    assert graph.sources("ModelTraining") == [f"{ACCOUNT}:training-job/pipelines-run1-TrainModel"]
    [data] = graph.sources("DataSet")
    assert data.startswith(f"{SNAPSHOT}?state=")


def test_version_that_serves_leads_to_the_endpoint_once(trained):
    for _ in range(2):
        trained.world.release(1)
        trained.happen()
    assert ("ModelPackage", "AssociatedWith", "Endpoint") in trained.world.graph.named()
    assert trained.world.graph.sources("Endpoint") == [ENDPOINT]


def test_two_versions_share_what_they_have_in_common(trained):
    trained.world.train(2)
    trained.happen()
    graph = trained.world.graph
    assert len(graph.sources("DataSet")) == len(graph.sources("Code")) == len(graph.sources("Image")) == 1
    assert len(graph.sources("ModelPackage")) == 2


def test_other_data_below_the_same_address_are_another_data_set(trained):
    world = trained.world
    world.clock.pass_seconds(60)
    world.storage.put(f"{SNAPSHOT}loans.csv.gz", b"corrected")
    world.clock.pass_seconds(60)
    world.train(2)
    trained.happen()
    assert len(world.graph.sources("DataSet")) == 2


def test_entities_that_sagemaker_made_by_itself_are_used(start):
    keeper = start()
    world = keeper.world
    made = world.graph._make("artifact", arn(1), "ModelPackage")["ArtifactArn"]
    world.graph._make("context", ENDPOINT, "Endpoint", "aws-endpoint")
    world.train(1)
    world.release(1)
    keeper.happen()
    assert world.manifest(1)["lineage"] == {"package_artifact": made}
    assert len(world.graph.sources("Endpoint")) == 1


def test_graph_is_not_looked_at_again_while_the_version_stays_as_it_is(trained):
    trained.world.calls.clear()
    trained.world.decide(1)
    trained.happen()
    assert not {"ListArtifacts", "CreateArtifact", "ListAssociations"} & set(trained.world.calls)


def test_version_without_a_training_job_has_what_is_known(start):
    keeper = start()
    world = keeper.world
    world.train(1)
    world.pipeline.forgotten.add("pipelines-run1-TrainModel")
    keeper.happen()
    assert ("Code", "ContributedTo", "ModelPackage") in world.graph.named()
    assert world.graph.sources("ModelTraining") == []
