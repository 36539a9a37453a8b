"""Small documents in Model Monitor's formats, for tests of what reads and judges them."""

CONFIG = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
    },
}


def numeric(name, values, inferred_type="Fractional", missing=0, levels=None):
    """Statistics of a numeric feature; `levels` instead of values for a sketch that has folded some."""
    levels = [list(values)] if levels is None else levels
    present = sum(len(level) << place for place, level in enumerate(levels))
    common = {"num_present": present, "num_missing": missing}
    kll = {"buckets": [], "sketch": {"parameters": {"c": 0.64, "k": 2048.0}, "data": levels}}
    described = {"common": common, **({"distribution": {"kll": kll}} if present else {})}
    return {"name": name, "inferred_type": inferred_type, "numerical_statistics": described}


def text(name, counts, missing=0, inferred_type="String"):
    """Statistics of a feature of categories with their counts."""
    buckets = [{"value": value, "count": count} for value, count in counts.items()]
    described = {
        "common": {"num_present": sum(counts.values()), "num_missing": missing},
        "distinct_count": float(len(counts)),
        "distribution": {"categorical": {"buckets": buckets}},
    }
    return {"name": name, "inferred_type": inferred_type, "string_statistics": described}


def statistics(*features, rows=None):
    dataset = {} if rows is None else {"item_count": rows}
    return {"version": 0.0, "dataset": dataset, "features": list(features)}


def expected(name, inferred_type, completeness=1.0, domains=None, **more):
    constraint = {"name": name, "inferred_type": inferred_type, "completeness": completeness, **more}
    if domains is not None:
        constraint["string_constraints"] = {"domains": domains}
    return constraint


def constraints(*features, config=CONFIG, **changes):
    return {"version": 0.0, "features": list(features), "monitoring_config": {**config, **changes}}
