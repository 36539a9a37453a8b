// Parts of the page about a release: what goes on, who answers, versions, the experiment.

import { command, el, many, none, person, scrolling, table, tag, when } from "./elements.js";

const WAY = [
  ["shadow", "Shadow"],
  ["challenger", "Challenger"],
  ["promote", "Champion"],
];

export function drawHeadline({ headline, candidate, endpoint, unread }) {
  const now = candidate ? WAY.findIndex(([stage]) => stage === candidate.stage) : -1;
  const way =
    now < 0
      ? null
      : el(
          "ol",
          { class: "way", "aria-label": `The way of version ${candidate.version}` },
          [["", "Approved"], ...WAY].map(([, word], place) =>
            el(
              "li",
              {
                class: place - 1 < now ? "past" : "",
                "aria-current": place - 1 === now ? "step" : undefined,
              },
              word,
            ),
          ),
        );
  const alarming = endpoint.alarming.length ? el("p", {}, `In ALARM: ${endpoint.alarming.join(", ")}`) : null;
  return el(
    "div",
    { class: `verdict ${headline.tone}` },
    el("h2", {}, headline.title),
    el("p", {}, headline.text),
    alarming,
    way,
    unread.map((why) => el("p", { class: "because" }, `Not read: ${why}`)),
  );
}

export function drawWaiting({ waiting, command: asked, commanded_by: by }) {
  const items = waiting.map((each) =>
    el(
      "li",
      {},
      el("span", { class: "whom" }, `waits for ${each.whom}`),
      `${each.what}: `,
      each.command ? command(each.remedy) : each.remedy,
    ),
  );
  if (asked)
    items.unshift(
      el(
        "li",
        {},
        el("span", { class: "whom" }, "asked of the release controller"),
        `${asked}${by ? `, by ${by}` : ""}`,
      ),
    );
  return items.length ? el("ul", { class: "waiting", "aria-label": "What waits" }, items) : null;
}

// Shares as they were drawn last: widths begin there and move, so that one sees requests move.
let before = {};

export function drawRequests({ endpoint }) {
  const answering = endpoint.variants.filter((each) => each.name !== "shadow");
  const bar = el(
    "div",
    {
      class: "shares",
      role: "img",
      "aria-label": answering.map((each) => `${each.name} ${each.percent} %`).join(", "),
    },
    answering.map((each) => el("i", { class: each.name, "data-variant": each.name })),
  );
  const rows = endpoint.variants.map((each) => {
    const of = each.version ? `version ${each.version}, ` : "";
    const to = each.desired_percent !== each.percent ? `, on its way to ${each.desired_percent} %` : "";
    const copies = each.name === "shadow" ? ", gets a copy of the requests" : "";
    return el(
      "li",
      { class: each.name },
      el("span", { class: "key" }),
      el(
        "span",
        {},
        each.name,
        el("span", { class: "because" }, ` ${of}${many(each.instances, "instance")}${copies}${to}`),
      ),
      el("b", {}, `${each.percent} %`),
    );
  });
  const foot = el(
    "p",
    { class: "foot" },
    `Endpoint ${endpoint.name}: ${endpoint.status}; stack ${endpoint.stack_status}.`,
  );
  if (!rows.length) return [none("No endpoint: nobody is answered."), foot];
  // From the widths of before to those of now, so that one sees requests move.
  requestAnimationFrame(() => requestAnimationFrame(() => widths(answering)));
  widths(answering, bar, before);
  return [bar, el("ul", { class: "variants" }, rows), foot];
}

function widths(answering, within = document, percents = null) {
  for (const each of answering) {
    const part = within.querySelector(`[data-variant="${each.name}"]`);
    if (part) part.style.width = `${percents ? (percents[each.name] ?? 0) : each.percent}%`;
  }
  if (!percents) before = Object.fromEntries(answering.map((each) => [each.name, each.percent]));
}

const PART_WORDS = {
  champion: ["good", "champion"],
  candidate: ["info", "candidate"],
  previous: ["quiet", "previous"],
  lost: ["bad", "lost"],
  inconclusive: ["warn", "inconclusive"],
  failed: ["bad", "failed"],
  rejected: ["bad", "rejected"],
  "rolled back": ["bad", "rolled back"],
};
const APPROVALS = {
  Approved: ["good", "approved"],
  Rejected: ["bad", "rejected"],
  PendingManualApproval: ["warn", "waits for approval"],
};

function measures(metrics) {
  return Object.entries(metrics ?? {})
    .filter(([name]) => /^test_(auc|accuracy|f1|rmse|mae|r2)$/.test(name))
    .map(([name, value]) => `${name.slice(5).toUpperCase()} ${Number(value).toFixed(3)}`)
    .join(", ");
}

export function drawVersions({ versions, serves, failed }, ask) {
  if (!versions.length) return none("No version is registered yet; mlops train makes the first.");
  const able = (each) => each.status === "Completed";
  const act = (each, word) =>
    el(
      "button",
      {
        type: "button",
        class: `small ${word === "approve" && each.approval === "PendingManualApproval" ? "do" : ""}`,
        "data-key": `${word} ${each.number}`,
        "aria-label": `${word === "approve" ? "Approve" : "Reject"} version ${each.number}`,
        on: () => ask(each, word),
      },
      word === "approve" ? "Approve" : "Reject",
    );
  return table(
    "versions",
    [
      ["Version", ""],
      ["Approval", ""],
      ["Part", ""],
      ["On its test", "n"],
      ["Registered", ""],
      ["Why", ""],
      ["", ""],
    ],
    versions.map((each) => [
      { class: each.approval === "PendingManualApproval" ? "now" : "" },
      el("b", {}, `${each.number}`),
      tag(...(APPROVALS[each.approval] ?? ["quiet", each.approval])),
      each.part
        ? tag(...PART_WORDS[each.part])
        : !able(each)
          ? each.status
          : each.number > serves && each.number <= failed
            ? tag("quiet", "not tried again")
            : "",
      measures(each.metrics),
      when(each.created),
      [
        each.reason,
        each.approved_by.length ? el("span", { class: "because" }, ` (${person(each.approved_by[0])})`) : "",
      ],
      el(
        "div",
        { class: "acts" },
        able(each) && each.approval !== "Approved" ? act(each, "approve") : "",
        each.approval !== "Rejected" ? act(each, "reject") : "",
      ),
    ]),
  );
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

const points = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)}`;

export function drawExperiment({ experiment, looks, candidate }) {
  if (candidate && ["shadow", "challenger"].includes(candidate.stage) && experiment?.version !== candidate.version) {
    return none(
      `Version ${candidate.version} is being compared with the champion. ` +
        "The first look comes once outcomes of both are known.",
    );
  }
  if (!experiment)
    return none("No version has been compared with a champion yet. A candidate is, before it answers everybody.");
  const last = experiment.looks.at(-1);
  const done = Math.round(100 * last.progress);
  const verdict = {
    better: ["good", "better"],
    worse: ["bad", "worse"],
    no_difference: ["quiet", "no difference found"],
    mismatch: ["bad", "traffic not split as planned"],
    continue: ["info", "undecided so far"],
  }[last.decision] ?? ["quiet", last.decision];
  const caption =
    `Success rate of version ${experiment.version} minus the champion's, in percentage points, ` +
    "at each look, with its interval. " +
    (last.rule === "planned"
      ? "Beyond a dashed curve the difference is more than chance allows, and the experiment ends."
      : "It ends when the interval has left zero.");
  const meter = el(
    "div",
    {
      class: "meter",
      role: "meter",
      "aria-label": "Share of the planned information",
      "aria-valuenow": done,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    },
    el("i", { width: `${done}%` }),
  );
  return [
    el(
      "div",
      { class: "runhead" },
      el("h3", {}, `Version ${experiment.version} as ${experiment.stage}`),
      tag(...verdict),
      el(
        "span",
        { class: "because" },
        experiment.running ? "goes on; the newest look " : "the last look was ",
        when(last.at),
      ),
    ),
    el(
      "figure",
      {},
      el("figcaption", {}, caption),
      el(
        "div",
        { class: "split" },
        scrolling("Looks of the experiment", looks),
        el(
          "dl",
          { class: "facts" },
          fact("Difference", `${points(last.estimate)} points`),
          fact("Interval", `${points(last.low)} to ${points(last.high)}`),
          el("div", {}, el("dt", {}, "Information"), el("dd", {}, `${done} %`, meter)),
          fact(
            "Outcomes",
            last.horizon
              ? `${last.samples.toLocaleString("en")} of ${last.horizon.toLocaleString("en")}`
              : last.samples.toLocaleString("en"),
          ),
          fact("Looks taken", `${last.number}`),
          fact("Error rate spent", `${(100 * last.spent).toFixed(2)} %`),
        ),
      ),
    ),
  ];
}
