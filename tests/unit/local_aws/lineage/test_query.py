"""QueryLineage against a slow and obvious model of reachability, and its filters, pages and errors one by one."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from local_aws.core.api import ValidationException


def pages(call: Any, **params: Any) -> list[dict[str, Any]]:
    found = [call("QueryLineage", **params)]
    while token := found[-1].get("NextToken"):
        found.append(call("QueryLineage", **params, NextToken=token))
    return found


def joined(found: list[dict[str, Any]], member: str) -> list[Any]:
    return [item for page in found for item in page[member]]


def within(edges: set[tuple[str, str]], start: str, direction: str, depth: int) -> set[str]:
    """What `depth` steps reach: the set of places is stepped as a whole, with no memory of the way."""
    steps = set(edges) if direction != "Ascendants" else set()
    if direction != "Descendants":
        steps |= {(destination, source) for source, destination in edges}
    reached = {start}
    for _ in range(depth):
        reached |= {after for before, after in steps if before in reached}
    return reached


@pytest.mark.parametrize("seed", range(25))
def test_a_query_reaches_what_the_model_reaches(call, artifact, join, seed):
    rand = random.Random(seed)
    arns = [artifact(f"s3://bucket/{number}", rand.choice(["DataSet", "Model"])) for number in range(12)]
    pairs = rand.sample(list(itertools.permutations(arns, 2)), rand.randint(0, 30))
    for source, destination in pairs:
        join(source, destination)
    for direction in ("Ascendants", "Descendants", "Both"):
        depth, start, size = rand.randint(1, 10), rand.choice(arns), rand.randint(1, 12)
        found = pages(call, StartArns=[start], Direction=direction, MaxDepth=depth, MaxResults=size)
        listed = [vertex["Arn"] for vertex in joined(found, "Vertices")]
        expected = within(set(pairs), start, direction, depth)
        assert len(listed) == len(set(listed))
        assert set(listed) == expected
        assert all(len(page["Vertices"]) <= size for page in found)
        near = within(set(pairs), start, direction, depth - 1)
        walked = {
            (source, destination)
            for source, destination in pairs
            if (direction != "Ascendants" and source in near) or (direction != "Descendants" and destination in near)
        }
        edges = [(edge["SourceArn"], edge["DestinationArn"]) for edge in joined(found, "Edges")]
        assert len(edges) == len(set(edges))
        assert set(edges) == walked
        # An edge comes when both of its ends are known.
        seen: set[str] = set()
        for page in found:
            seen |= {vertex["Arn"] for vertex in page["Vertices"]}
            assert {end for edge in page["Edges"] for end in (edge["SourceArn"], edge["DestinationArn"])} <= seen


@pytest.mark.parametrize("seed", range(10))
def test_with_edges_each_match_comes_with_a_way_to_it_and_nothing_else(call, artifact, join, seed):
    rand = random.Random(seed)
    arns = [artifact(f"s3://bucket/{number}", rand.choice(["DataSet", "Model"])) for number in range(12)]
    pairs = set(rand.sample(list(itertools.permutations(arns, 2)), 18))
    for source, destination in pairs:
        join(source, destination)
    filters = {"Types": ["Model"]}
    for start in arns[:4]:
        given = {"StartArns": [start], "Direction": "Descendants", "Filters": filters}
        matches = {v["Arn"] for v in call("QueryLineage", **given, IncludeEdges=False)["Vertices"]}
        full = call("QueryLineage", **given)
        kept = {vertex["Arn"] for vertex in full["Vertices"]}
        edges = {(edge["SourceArn"], edge["DestinationArn"]) for edge in full["Edges"]}
        assert matches <= kept
        for between in kept - matches:
            # What is no match is on a shortest way to one.
            assert any(
                distance(pairs, start, between) + distance(pairs, between, match) == distance(pairs, start, match)
                for match in matches
                if match in within(pairs, between, "Descendants", 10)
            )
        for match in matches - {start}:
            # And the way is whole: a neighbour nearer to the start is kept too.
            nearer = {source for source, destination in edges if destination == match}
            assert any(distance(pairs, start, arn) == distance(pairs, start, match) - 1 for arn in nearer)


def distance(edges: set[tuple[str, str]], start: str, end: str) -> int:
    return next(depth for depth in range(13) if end in within(edges, start, "Descendants", depth))


def test_both_turns_round_at_each_entity(call, artifact, join):
    """Developer guide: with Both, models that share an image are found from each other."""
    image, one, other = artifact("image", "Image"), artifact("one", "Model"), artifact("other", "Model")
    join(image, one)
    join(image, other)
    for direction, expected in (("Both", {one, image, other}), ("Ascendants", {one, image}), ("Descendants", {one})):
        found = call("QueryLineage", StartArns=[one], Direction=direction)["Vertices"]
        assert {vertex["Arn"] for vertex in found} == expected


def test_the_graph_of_the_sdks_own_test(call, artifact, join):
    """SageMaker Python SDK, test_lineage_visualize: five vertices with the start among them, and four edges."""
    model, image, data = artifact("m", "Model"), artifact("i", "Image"), artifact("d", "DataSet")
    action = call("CreateAction", ActionName="deploy", Source={"SourceUri": "a"}, ActionType="ModelDeploy")["ActionArn"]
    context = call("CreateContext", ContextName="up", Source={"SourceUri": "c"}, ContextType="Endpoint")["ContextArn"]
    for source, destination, kind in (
        (image, model, "ContributedTo"),
        (data, model, "AssociatedWith"),
        (model, action, "ContributedTo"),
        (action, context, "AssociatedWith"),
    ):
        join(source, destination, kind)
    found = call("QueryLineage", StartArns=[model])
    assert {vertex["Arn"]: (vertex["Type"], vertex["LineageType"]) for vertex in found["Vertices"]} == {
        model: ("Model", "Artifact"),
        image: ("Image", "Artifact"),
        data: ("DataSet", "Artifact"),
        action: ("ModelDeploy", "Action"),
        context: ("Endpoint", "Context"),
    }
    assert {edge["DestinationArn"]: edge["AssociationType"] for edge in found["Edges"]}[context] == "AssociatedWith"
    assert len(found["Edges"]) == 4


def test_filters_are_all_to_be_passed(call, artifact, join):
    start = artifact("start", "Model")
    old = artifact("old", "DataSet", Properties={"period": "2020", "source": "sba"})
    new = artifact("new", "DataSet", Properties={"period": "2021", "source": "sba"})
    for arn in (old, new):
        join(arn, start)

    def matching(**filters: Any) -> set[str]:
        found = call("QueryLineage", StartArns=[start], IncludeEdges=False, Filters=filters)
        assert found["Edges"] == []
        return {vertex["Arn"] for vertex in found["Vertices"]}

    made = call("DescribeArtifact", ArtifactArn=new)["CreationTime"]
    assert matching(Types=["DataSet"]) == {old, new}
    assert matching(Types=["DataSet", "Model"], LineageTypes=["Context"]) == set()
    assert matching(Properties={"source": "sba", "period": "2020"}) == {old}
    assert matching(Types=["DataSet"], CreatedAfter=made) == {new}
    assert matching(Types=["DataSet"], CreatedBefore=made) == {old, new}
    call("UpdateArtifact", ArtifactArn=old, Properties={"seen": "yes"})
    assert matching(Types=["DataSet"], ModifiedAfter=made) == {old, new}
    assert matching(Types=["DataSet"], ModifiedBefore=made) == {new}


def test_ten_steps_are_the_most(call, artifact, join):
    chain = [artifact(f"s3://b/{number}") for number in range(13)]
    for source, destination in itertools.pairwise(chain):
        join(source, destination)
    assert len(call("QueryLineage", StartArns=[chain[0]], Direction="Descendants")["Vertices"]) == 11
    with pytest.raises(ValidationException, match="less than or equal to 10"):
        call("QueryLineage", StartArns=[chain[0]], MaxDepth=11)


def test_a_token_is_of_its_own_request(call, artifact, join):
    start, end = artifact("a"), artifact("b")
    join(start, end)
    token = call("QueryLineage", StartArns=[start], MaxResults=1)["NextToken"]
    with pytest.raises(ValidationException, match="other parameters"):
        call("QueryLineage", StartArns=[end], MaxResults=1, NextToken=token)
    with pytest.raises(ValidationException, match="not given by this operation"):
        call("QueryLineage", StartArns=[start], NextToken="x")
    with pytest.raises(ValidationException, match="StartArns"):
        call("QueryLineage")
