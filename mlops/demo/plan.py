"""The demo's phases in their order, each with what it shows: the words that a newcomer reads while it runs."""

from collections.abc import Mapping

Phase = tuple[str, str]
"""A title, and why it is worth watching."""

PHASES: Mapping[str, Phase] = {
    "start": (
        "Start the local AWS",
        "An AWS on this machine only: no account, no costs, nothing leaves it.",
    ),
    "bootstrap": (
        "Bootstrap the account (cdk bootstrap)",
        "Once for each account: the bucket and the roles that deployments need.",
    ),
    "deploy": (
        "Deploy the stacks of config/local.toml (cdk deploy)",
        "The same stacks go to AWS: pipelines, registry, endpoint, monitors, alarms, controllers. No endpoint yet.",
    ),
    "pipeline": (
        "Train: the SageMaker pipeline validates, trains, evaluates and registers",
        "Every step is a job. A gate lets the version into the registry only if it is good enough.",
    ),
    "release": (
        "Approve the version, then only watch",
        "Approval in the registry is the only act of a person. An event wakes the controller, which deploys.",
    ),
    "traffic": (
        "Replay applications of 2003 through InvokeEndpoint",
        "Real loans ask the endpoint; data capture keeps each question and answer.",
    ),
    "months": (
        "Replay the bank's months from 2003 on; the monitors watch, and only watch",
        "Drift alone is noted; only loans that fail too often raise the alarm. Two minutes, a year a line.",
    ),
    "retrained": (
        "The alarm has started a training; then approval, shadow, challenger, verdict",
        "The new version first answers unheard, then decides for some customers, and is promoted when the evidence "
        "suffices.",
    ),
    "after": (
        "The months that follow, with the new version",
        "The same bank with a better model: fewer of its loans fail.",
    ),
    "worse": (
        "A version that approves nearly everything: its AUC is as good, its decisions are not",
        "The gate sees the marks only and lets it pass. The shadow comparison finds it out.",
    ),
    "broken": (
        "An urgent fix with an error in its code, released without an experiment",
        "Shortcuts happen. An alarm takes it back within seconds, and the version before answers on.",
    ),
    "governance": (
        "What an auditor asks: made again, lineage, model card, audit",
        "Version 1 is made again from its record alone, bit for bit; the pages lie beside the report.",
    ),
    "fairness": (
        "A second model, of mortgages: its gate refuses one that breaks its limits of bias",
        "Trained as it is, it treats a group worse than allowed; trained with reweighing, it passes.",
    ),
}
