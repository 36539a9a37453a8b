// The console page: asks for each part of a model's page again and again, and draws those that changed.

import { ago, draw, el, forget, none } from "./elements.js";
import { drawHeadline, drawWaiting, drawRequests, drawVersions, drawExperiment } from "./release.js";
import { drawPipelines, drawMonitors, drawDrift, drawAlarms, drawDecisions, drawLineage } from "./watch.js";

const PARTS = { situation: 1000, ledger: 2000, alarms: 3000, drift: 4000, manifests: 5000 }; // milliseconds
const LINEAGE_MS = 5000,
  HIDDEN_MS = 15000,
  RETRY_MS = 3000;
const token = document.querySelector('meta[name="page-token"]').content;
const at = (id) => document.getElementById(id);
const state = { model: "", tags: {}, champion: "" };

function drawManifests(versions) {
  const select = at("lineage-version");
  const known = [...select.options].map((each) => Number(each.value));
  if (known.join() === versions.join()) return;
  const chosen = select.value || state.champion;
  select.replaceChildren(...versions.map((each) => el("option", { value: each }, `${each}`)));
  if (versions.map(String).includes(chosen)) select.value = chosen;
  select.closest("label").hidden = !versions.length;
  if (!versions.length)
    draw("lineage", "none", () =>
      none("No version has a manifest yet; the record keeper writes it with the registration."),
    );
  else poll("lineage", LINEAGE_MS);
}

const DRAW = {
  situation(seen) {
    const {
      headline,
      candidate,
      endpoint,
      unread,
      waiting,
      command: asked,
      commanded_by,
      versions,
      experiment,
      looks,
      pipelines,
      monitoring,
    } = seen;
    state.champion = `${seen.champion?.version ?? ""}`;
    draw("headline", { headline, candidate, endpoint: { alarming: endpoint.alarming }, unread }, drawHeadline);
    draw("waiting", { waiting, command: asked, commanded_by }, drawWaiting);
    draw("requests", { endpoint }, drawRequests);
    draw("versions", { versions, serves: seen.champion?.version ?? 0, failed: seen.failed }, (shown) =>
      drawVersions(shown, ask),
    );
    draw("experiment", { experiment, looks, candidate }, drawExperiment);
    draw("pipelines", { pipelines }, drawPipelines);
    draw("monitors", { monitoring }, drawMonitors);
  },
  ledger: (seen) => draw("decisions", seen, drawDecisions),
  alarms: (seen) => draw("alarms", seen, drawAlarms),
  drift: (seen) => draw("drift", seen, drawDrift),
  manifests: drawManifests,
  lineage: (seen) => draw("lineage", seen, drawLineage),
};

// --- asking

const timers = {};

function path(part) {
  const more = part === "lineage" ? `/${at("lineage-version").value}` : "";
  return `api/models/${encodeURIComponent(state.model)}/${part}${more}`;
}

async function poll(part, pause) {
  clearTimeout(timers[part]);
  if (part === "lineage" && !at("lineage-version").value) return;
  let next = document.hidden ? HIDDEN_MS : pause;
  const from = path(part);
  try {
    const headers = state.tags[from] ? { "If-None-Match": state.tags[from] } : {};
    const answer = await fetch(from, { headers, cache: "no-store" });
    if (from !== path(part)) return; // another model or version was chosen meanwhile, and is asked for
    if (answer.status === 200) {
      const seen = await answer.json();
      DRAW[part](seen);
      state.tags[from] = answer.headers.get("ETag");
    }
    if (answer.ok || answer.status === 304) problem(part, "");
    else problem(part, (await answer.json()).error);
    live(true);
  } catch (error) {
    if (error instanceof TypeError && /fetch|network/i.test(error.message)) live(false);
    else console.error(error);
    next = RETRY_MS;
  }
  clearTimeout(timers[part]);
  timers[part] = setTimeout(() => poll(part, pause), next);
}

const problems = {};

function problem(part, why) {
  problems[part] = why;
  const all = [...new Set(Object.values(problems).filter(Boolean))];
  const text = all.join(" · ");
  if (at("problem").textContent !== text) at("problem").textContent = text;
  at("problem").hidden = !text;
}

let since = null;

function live(well) {
  if (well) since = null;
  else since ??= new Date();
  const text = well
    ? "live"
    : `no answer since ${since.toISOString().slice(11, 19)} UTC: does mlops console still run?`;
  if (at("live").textContent !== text) at("live").textContent = text;
  at("live").className = `live ${well ? "good" : "bad"}`;
}

function pollAll() {
  for (const [part, pause] of Object.entries(PARTS)) poll(part, pause);
  poll("lineage", LINEAGE_MS);
}

function choose(model) {
  state.model = model;
  state.tags = {};
  forget();
  for (const part of Object.keys(problems)) problem(part, "");
  for (const each of document.querySelectorAll("[data-part]")) each.replaceChildren();
  at("lineage-version").replaceChildren();
  at("said").hidden = true;
  document.title = `${model} · mlops console`;
  history.replaceState(null, "", `?model=${encodeURIComponent(model)}${location.hash}`);
  // First what is served: whose lineage is shown depends on it.
  poll("situation", PARTS.situation).then(pollAll);
}

// --- deciding

let asked = null;

function ask(version, word) {
  asked = { number: version.number, word };
  const approves = word === "approve";
  at("decide-title").textContent = `${approves ? "Approve" : "Reject"} version ${version.number}?`;
  at("decide-means").textContent = approves
    ? "It is then released, by the strategy of the configuration: tried beside the champion first, where there is one."
    : ({
        champion: "It serves now: the version before takes its place.",
        candidate: "It is on its way: that ends, and the champion goes on.",
      }[version.part] ?? "It will not be released. Nothing that serves changes.");
  at("decide-do").textContent = approves ? "Approve" : "Reject";
  at("decide-do").className = approves ? "do" : "do bad";
  at("decide-reason").value = "";
  at("decide-problem").hidden = true;
  at("decide").showModal();
  at("decide-reason").focus();
}

async function decide(event) {
  event.preventDefault();
  const { number, word } = asked;
  at("decide-do").disabled = true;
  let failed = "";
  try {
    const answer = await fetch(`api/models/${encodeURIComponent(state.model)}/versions/${number}/${word}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Mlops-Token": token },
      body: JSON.stringify({ reason: at("decide-reason").value }),
    });
    const said = await answer.json();
    if (answer.ok) {
      at("said").textContent = `${said.said[0].toUpperCase()}${said.said.slice(1)}.`;
      at("said").hidden = false;
    } else failed = said.error;
  } catch {
    failed = "no answer: does mlops console still run?";
  }
  at("decide-do").disabled = false;
  at("decide-problem").textContent = failed;
  at("decide-problem").hidden = !failed;
  if (failed) return;
  at("decide").close();
  pollAll();
}

// --- begin

function watchSections() {
  const links = new Map([...document.querySelectorAll(".top nav a")].map((each) => [each.hash.slice(1), each]));
  const mark = () => {
    const line = document.querySelector(".top").offsetHeight + 40;
    const sections = [...links.keys()].filter((id) => at(id).getBoundingClientRect().top <= line);
    const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const here = end && scrollY > 0 ? [...links.keys()].at(-1) : (sections.at(-1) ?? "now");
    for (const [id, link] of links) {
      if (id === here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

function prepare() {
  at("decide").querySelector("form").addEventListener("submit", decide);
  at("decide-cancel").addEventListener("click", () => at("decide").close());
  at("model").addEventListener("change", () => choose(at("model").value));
  at("lineage-version").addEventListener("change", () => {
    forget("lineage");
    poll("lineage", LINEAGE_MS);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && state.model) pollAll();
  });
  setInterval(() => {
    for (const each of document.querySelectorAll("time")) each.textContent = ago(each.dateTime);
  }, 5000);
  watchSections();
}

async function begin() {
  try {
    const { environment, models } = await (await fetch("api/environment")).json();
    at("environment").textContent = environment;
    at("model").replaceChildren(...models.map((each) => el("option", { value: each }, each)));
    const wanted = new URLSearchParams(location.search).get("model");
    if (models.includes(wanted)) at("model").value = wanted;
    choose(at("model").value);
  } catch {
    live(false);
    setTimeout(begin, RETRY_MS);
  }
}

prepare();
begin();
