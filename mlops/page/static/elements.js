// Elements of the page. Texts are always texts; only pictures, which the server draws and escapes, are taken as markup.

export function el(name, given = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") made.addEventListener("click", value);
    else if (key === "width") made.style.width = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(
    ...inside.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false && each !== ""),
  );
  return made;
}

export function drawing(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup;
  return template.content;
}

export function scrolling(label, markup) {
  const made = el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, drawing(markup));
  // About as large as its letters are meant to be; where there is less room, one scrolls.
  for (const each of made.querySelectorAll("svg.chart")) {
    each.style.maxWidth = `${Math.round(1.12 * each.viewBox.baseVal.width)}px`;
    each.style.minWidth = `${Math.round(0.88 * Math.min(each.viewBox.baseVal.width, 1800))}px`;
  }
  return made;
}
export const none = (text) => el("p", { class: "none" }, text);
export const tag = (tone, word) => el("span", { class: `tag ${tone}` }, word);
export const many = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
export const person = (arn) => arn.split("/").pop().split(":").pop();

export function ago(iso) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
  for (const [size, unit] of [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return seconds < 5 ? "just now" : `${seconds} s ago`;
}

export function when(iso) {
  if (!iso) return "";
  const shown = new Date(iso).toISOString().slice(0, 19).replace("T", " ");
  return el("time", { datetime: iso, title: `${shown} UTC` }, ago(iso));
}

export function command(text) {
  const copy = el(
    "button",
    {
      type: "button",
      class: "small",
      "data-key": `copy ${text}`,
      "aria-label": `Copy ${text}`,
      on: async () => {
        await navigator.clipboard.writeText(text);
        copy.textContent = "copied";
        setTimeout(() => {
          copy.textContent = "copy";
        }, 1500);
      },
    },
    "copy",
  );
  return [el("code", { class: "command" }, text), " ", copy];
}

export function table(kind, columns, rows) {
  const heads = columns.map(([name, look]) => el("th", { scope: "col", class: look }, name));
  const body = rows.map(([given, ...cells]) =>
    el(
      "tr",
      given,
      cells.map((cell, place) =>
        el("td", { class: columns[place][1], "data-of": columns[place][0] || undefined }, cell),
      ),
    ),
  );
  return el("table", { class: `stack ${kind}` }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, body));
}

const drawn = {};

// Draws a part anew if what it shows has changed; keeps what a person has opened, scrolled and focused.
export function draw(name, shows, make) {
  const place = document.querySelector(`[data-part="${name}"]`);
  const text = JSON.stringify(shows);
  if (drawn[name] === text) return;
  drawn[name] = text;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const opened = new Map([...place.querySelectorAll("details[data-key]")].map((each) => [each.dataset.key, each.open]));
  const scrolled = [...place.querySelectorAll(".scroll, .story")].map((each) => [each.scrollLeft, each.scrollTop]);
  place.replaceChildren(...[make(shows)].flat(Infinity).filter(Boolean));
  for (const each of place.querySelectorAll("details[data-key]")) each.open = opened.get(each.dataset.key) ?? each.open;
  place.querySelectorAll(".scroll, .story").forEach((each, index) => {
    if (scrolled[index]) [each.scrollLeft, each.scrollTop] = scrolled[index];
  });
  if (focused) [...place.querySelectorAll("[data-key]")].find((each) => each.dataset.key === focused)?.focus();
}

// Everything is drawn anew: of another model.
export function forget(name) {
  for (const each of name ? [name] : Object.keys(drawn)) delete drawn[each];
}
