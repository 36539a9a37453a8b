// Parts of the page about what runs and is watched: pipelines, monitors, alarms, decisions, lineage.

import { command, drawing, el, many, none, scrolling, table, tag, when } from "./elements.js";

const RUNS = { Succeeded: "good", Failed: "bad", Executing: "info", Stopping: "warn", Stopped: "warn" };

export function drawPipelines({ pipelines }) {
  if (!pipelines.length) return none("No pipeline has run yet: mlops train, mlops monitor run.");
  return pipelines.map((run) =>
    el(
      "figure",
      { class: "broad" },
      el(
        "div",
        { class: "runhead" },
        el("h3", {}, run.purpose === "training" ? "Training" : "Monitoring"),
        tag(RUNS[run.status] ?? "quiet", run.status.toLowerCase()),
        el(
          "span",
          { class: "because" },
          "run ",
          el("code", {}, run.name),
          " began ",
          when(run.began),
          run.ended ? ["; ended ", when(run.ended)] : "",
        ),
      ),
      run.reason ? el("p", { class: "problem bad" }, run.reason) : null,
      run.picture ? scrolling(`Steps of the ${run.purpose} run`, run.picture) : none("Its steps are not known."),
      el("p", { class: "because" }, "Log lines, step by step: ", command(run.command)),
    ),
  );
}

export function drawMonitors({ monitoring }) {
  if (!monitoring || !monitoring.enabled) return none("The monitors are switched off (monitoring.enabled).");
  if (!monitoring.version) return none("No run of the monitors has ended yet: mlops monitor run --follow.");
  const rows = monitoring.monitors.map((each) => {
    const newest = each.windows.at(-1);
    const tone = !each.judged
      ? ["quiet", "not judged"]
      : each.confirmed
        ? [each.degrading ? "bad" : "warn", "confirmed"]
        : ["good", "not confirmed"];
    const breaches = newest?.breaches ?? [];
    return [
      {},
      el("b", {}, each.name.replace("_", " ")),
      tag(...tone),
      each.judged ? `${each.breached} of ${each.judged}` : "–",
      [
        each.skipped ? el("span", { class: "because" }, each.skipped) : "",
        breaches.length
          ? [
              breaches[0],
              breaches.length > 1
                ? el(
                    "details",
                    { "data-key": each.name },
                    el("summary", {}, `and ${breaches.length - 1} more`),
                    el(
                      "ul",
                      {},
                      breaches.slice(1).map((text) => el("li", {}, text)),
                    ),
                  )
                : "",
            ]
          : !newest || each.skipped
            ? ""
            : newest.status === "judged"
              ? "within limits"
              : `${newest.status.replace("_", " ")}: ${many(newest.rows, "row")}`,
      ],
    ];
  });
  const left = monitoring.left_out.length
    ? el("p", { class: "because" }, `Left out: ${monitoring.left_out.join(", ")}.`)
    : null;
  return [
    el(
      "p",
      { class: "because" },
      `Version ${monitoring.version}. A monitor is confirmed when enough of its newest windows breached; `,
      "only model quality and calibration say that the model itself got worse.",
    ),
    table(
      "",
      [
        ["Monitor", ""],
        ["State", ""],
        ["Breached", "n"],
        ["In the newest window", ""],
      ],
      rows,
    ),
    left,
  ];
}

export function drawDrift({ monitors, legend }) {
  if (!monitors.length) return null;
  const heat = (each) => [
    el("p", { class: "because" }, each.question),
    drawing(legend),
    scrolling(`${each.name} by window`, each.picture),
  ];
  const [first, ...rest] = monitors;
  return [
    el("figure", { class: "broad" }, el("h3", {}, `${first.name}: distance from the limit, by window`), heat(first)),
    rest.map((each) =>
      el(
        "details",
        { "data-key": each.name },
        el("summary", {}, `${each.name}, ${many(each.windows, "window")}`),
        el("figure", { class: "broad" }, heat(each)),
      ),
    ),
  ];
}

export function drawAlarms({ alarms, picture }) {
  if (!alarms.length) return none("No alarms are deployed.");
  const ringing = alarms.filter((each) => each.state === "ALARM");
  const blind = alarms.filter((each) => each.state === "INSUFFICIENT_DATA").length;
  const quiet = alarms.length - ringing.length - blind;
  const states = { ALARM: ["bad", "alarm"], OK: ["good", "ok"], INSUFFICIENT_DATA: ["quiet", "no data"] };
  const list = (some) =>
    table(
      "",
      [
        ["Alarm", ""],
        ["State", ""],
        ["Since", ""],
        ["Why", ""],
      ],
      some.map((each) => [
        {},
        el("span", { title: each.name }, each.called),
        tag(...states[each.state]),
        when(each.since),
        el("span", { class: "because" }, each.reason),
      ]),
    );
  return [
    el(
      "ul",
      { class: "chips" },
      el("li", {}, tag(ringing.length ? "bad" : "quiet", `${ringing.length} in ALARM`)),
      el("li", {}, tag("good", `${quiet} ok`)),
      blind ? el("li", {}, tag("quiet", `${blind} without data yet`)) : null,
    ),
    ringing.length ? list(ringing) : null,
    picture
      ? el(
          "figure",
          { class: "broad" },
          el("h3", {}, "When which was in ALARM (UTC)"),
          scrolling("Alarms over time", picture),
        )
      : null,
    el("details", { "data-key": "all alarms" }, el("summary", {}, `All ${alarms.length} alarms`), list(alarms)),
  ];
}

const KINDS = {
  begin: "info",
  done: "good",
  failed: "bad",
  lost: "bad",
  rejected: "bad",
  refused: "bad",
  revert: "bad",
  rollback: "warn",
  asked: "warn",
  start: "info",
};

// As the versions' table calls what became of them.
const SAID = { revert: "rolled back", rollback: "rolled back" };

export function drawDecisions(entries) {
  if (!entries.length) return none("The ledger is empty: approve a version to begin.");
  return el(
    "ol",
    { class: "story", tabindex: 0, "aria-label": "Decisions" },
    entries.map((each) =>
      el(
        "li",
        { class: KINDS[each.kind] ?? "quiet" },
        el(
          "b",
          {},
          `${each.version ? `Version ${each.version}: ` : ""}${SAID[each.kind] ?? each.kind}${each.stage ? `, ${each.stage}` : ""}`,
        ),
        " ",
        el("span", { class: "because" }, when(each.at)),
        el("p", {}, each.reason),
      ),
    ),
  );
}

export function drawLineage(found) {
  const missing = found.missing.length
    ? [
        el("p", { class: "because" }, "Not established: "),
        el(
          "ul",
          { class: "because" },
          found.missing.map((each) => el("li", {}, each)),
        ),
      ]
    : [];
  return [
    el(
      "p",
      { class: "because" },
      "From left to right: what the version was made from, how, and what became of it. ",
      "All identifiers: ",
      command(found.command),
    ),
    el("figure", { class: "broad" }, scrolling("Lineage", found.picture)),
    ...missing,
  ];
}
