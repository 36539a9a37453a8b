"""Any definition's jobs come into the network, and what an author set stays."""

from types import SimpleNamespace

import pytest

from mlops_constructs.definition_network import connect

VPC = {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
NETWORK = SimpleNamespace(vpc_config=VPC)
ENCRYPTED = {"EnableInterContainerTrafficEncryption": True}


def connected(kind, arguments, network=NETWORK):
    step = {"Name": "Step", "Type": kind, "Arguments": arguments}
    connect({"Steps": [step]}, network)
    return arguments


def processing(count):
    return {"ProcessingResources": {"ClusterConfig": {"InstanceCount": count}}}


@pytest.mark.parametrize("kind", ["Processing", "QualityCheck", "ClarifyCheck"])
def test_processing_jobs_have_it_in_their_network_config(kind):
    assert connected(kind, processing(1))["NetworkConfig"] == {"VpcConfig": VPC}


@pytest.mark.parametrize("count", [2, {"Get": "Parameters.Machines"}])
def test_machines_of_one_processing_job_speak_encrypted(count):
    assert connected("Processing", processing(count))["NetworkConfig"] == {**ENCRYPTED, "VpcConfig": VPC}


def test_trainings_and_each_of_a_tunings_trainings_are_inside_and_encrypted():
    inside = {**ENCRYPTED, "VpcConfig": VPC}
    assert connected("Training", {}) == inside
    assert connected("Tuning", {"TrainingJobDefinition": {}})["TrainingJobDefinition"] == inside
    assert connected("Tuning", {"TrainingJobDefinitions": [{}, {}]})["TrainingJobDefinitions"] == [inside, inside]


def test_models_are_inside_and_transform_jobs_follow_them():
    assert connected("Model", {}) == {"VpcConfig": VPC}
    assert connected("Transform", {}) == {}


def test_jobs_of_automl_have_it_where_they_take_it():
    security = connected("AutoML", {})["AutoMLJobConfig"]["SecurityConfig"]
    assert security == {**ENCRYPTED, "VpcConfig": VPC}


def test_steps_in_branches_are_steps():
    inner = {"Name": "Train", "Type": "Training", "Arguments": {}}
    connected("Condition", {"Conditions": [], "IfSteps": [inner], "ElseSteps": []})
    assert inner["Arguments"]["VpcConfig"] == VPC


def test_what_an_author_set_stays():
    own = {"VpcConfig": {"Subnets": ["subnet-9"], "SecurityGroupIds": ["sg-9"]}}
    assert connected("Training", dict(own)) == {**own, **ENCRYPTED}
    isolated = connected("Processing", {**processing(1), "NetworkConfig": {"EnableNetworkIsolation": True}})
    assert isolated["NetworkConfig"] == {"EnableNetworkIsolation": True, "VpcConfig": VPC}


def test_without_a_network_trainings_are_encrypted_all_the_same():
    assert connected("Training", {}, network=None) == ENCRYPTED
    assert connected("Processing", processing(1), network=None) == processing(1)
