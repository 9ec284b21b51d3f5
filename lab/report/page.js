"use strict";
// The page: its controls, and what is shown for them. The view is kept in the address, behind #.

const at = (id) => document.getElementById(id);
const kOrdered = ["footprint", "stride", "accesses", "warm_up"];
const axisOptions = varied.length ? varied : [0];

// Lines for what grows along the axis, bars for names.
const shapeFor = (axis) =>
  (kOrdered.includes(axes[axis].name) && axes[axis].alternatives.length > 2 ? "lines" : "bars");

function viewOfTable(table, choice = axes.map(() => 0)) {
  const across = axisNumber(table.rows);
  const each = axisNumber(table.columns);
  return { metric: table.metric, across, each: each === across ? null : each, choice: [...choice],
    shape: shapeFor(across), log: false };
}

function firstView() {
  if (experiment.tables.length) return viewOfTable(experiment.tables[0]);
  const [across, each = null] = axisOptions;
  return { metric: experiment.metrics[0].name, across, each, choice: axes.map(() => 0),
    shape: shapeFor(across), log: false };
}

let view = firstView();
let hidden = new Set();  // columns that the legend has switched off
let plot = null;
let row = null;  // that the keys are at

function toAddress() {
  const parts = { metric: view.metric, across: axes[view.across].name,
    each: view.each === null ? "" : axes[view.each].name, shape: view.shape };
  if (view.log) parts.log = "1";
  for (const i of free()) parts[axes[i].name] = axes[i].alternatives[view.choice[i]];
  history.replaceState(null, "", `#${new URLSearchParams(parts)}`);
}

// What the address does not say, or says of another experiment, is as in the first view.
function fromAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  const next = firstView();
  if (findMetric(said.get("metric"))) next.metric = said.get("metric");
  const across = axisNumber(said.get("across"));
  if (axisOptions.includes(across)) {
    next.across = across;
    const each = axisNumber(said.get("each"));
    next.each = axisOptions.includes(each) && each !== across ? each : null;
    next.shape = shapeFor(across);
  }
  if (["bars", "lines"].includes(said.get("shape"))) next.shape = said.get("shape");
  next.log = said.get("log") === "1";
  axes.forEach((axis, i) => {
    next.choice[i] = Math.max(0, axis.alternatives.indexOf(said.get(axis.name)));
  });
  return next;
}

// The axes that the plot does not show and that have alternatives.
const free = () => varied.filter((i) => i !== view.across && i !== view.each);

function select(label, options, value, change) {
  const made = element("select", { name: label });
  for (const [key, text] of options) made.append(element("option", { value: key }, text));
  made.value = String(value);
  made.addEventListener("change", () => change(made.value));
  return element("label", {}, element("span", {}, label), made);
}

function chooser(axis, choice, change) {
  return select(inWords(axes[axis].name), axes[axis].alternatives.map((text, i) => [i, text]),
    choice[axis], (value) => {
      choice[axis] = Number(value);
      change();
    });
}

function controls() {
  const names = axisOptions.map((i) => [i, inWords(axes[i].name)]);
  const log = element("input", { type: "checkbox", name: "log", checked: view.log });
  log.addEventListener("change", () => change({ log: log.checked }));
  return [
    select("metric", experiment.metrics.map(({ name }) => [name, inWords(name)]), view.metric,
      (metric) => change({ metric })),
    select("across", names, view.across, (value) => {
      const across = Number(value);
      change({ across, each: view.each === across ? view.across : view.each, shape: shapeFor(across) });
    }),
    select("for each", [["none", "–"], ...names.filter(([i]) => i !== view.across)],
      view.each ?? "none", (value) => change({ each: value === "none" ? null : Number(value) })),
    ...free().map((axis) => chooser(axis, view.choice, () => change({}))),
    select("drawn as", [["bars", "bars"], ["lines", "lines"]], view.shape, (shape) => change({ shape })),
    element("label", { className: "check" }, log, element("span", {}, "logarithmic")),
  ];
}

function legend(grid) {
  const items = grid.single ? [] : grid.columnLabels.map((label, i) => {
    const key = element("i", { className: "key" });
    key.style.background = `var(--series-${i % kColours})`;
    const button = element("button", { type: "button", ariaPressed: String(!hidden.has(i)) }, key, label);
    button.addEventListener("click", () => {
      hidden = new Set(hidden);
      if (!hidden.delete(i)) hidden.add(i);
      button.ariaPressed = String(!hidden.has(i));
      draw(grid);
    });
    return element("li", {}, button);
  });
  if (grid.source) items.push(element("li", { className: "published-key" }, `◇ published: ${grid.source}`));
  return items;
}

function titleOf(grid) {
  const each = grid.single ? "" : `, for each ${inWords(grid.columnAxis)}`;
  return `${inWords(view.metric)} by ${inWords(grid.rowAxis)}${each}`;
}

function draw(grid) {
  plot?.destroy();
  row = null;
  plot = drawPlot(at("plot"), grid, { hidden, shape: view.shape, log: view.log });
}

let grid = null;

// Shows the view; a control that has the focus keeps it.
function show() {
  const focused = document.activeElement?.closest("#controls") ? document.activeElement.name : null;
  const metric = findMetric(view.metric);
  grid = gridOf(metric, view.across, view.each, view.choice);
  hidden = new Set();
  at("plot-title").textContent = titleOf(grid);
  const zeroes = view.log && grid.cells.flat().some(({ ours }) => ours <= 0);
  at("plot-about").textContent = metric.about + (zeroes ? "; zeroes have no place on this scale" : "");
  at("controls").replaceChildren(...controls());
  at("legend").replaceChildren(...legend(grid));
  at("plot").ariaLabel = `${titleOf(grid)}: ${grid.rowLabels.length} values` +
    (grid.single ? "" : ` for each of ${grid.columnLabels.length}`);
  at("plot-table").replaceChildren(tableOf(grid, titleOf(grid)));
  draw(grid);
  if (focused) at("controls").elements[focused]?.focus();
}

function change(what) {
  view = { ...view, ...what };
  show();
  toAddress();
}

// Arrow keys in the plot go from value to value.
function onKey(event) {
  const last = grid.rowLabels.length - 1;
  const to = {
    ArrowRight: row === null ? 0 : Math.min(row + 1, last),
    ArrowLeft: row === null ? last : Math.max(row - 1, 0),
    Home: 0, End: last, Escape: null,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  row = to;
  plot.setCursor(row === null ? { left: -10, top: -10 } : { left: plot.valToPos(row, "x"), top: 10 });
  const shown = grid.columnLabels.map((_, i) => i).filter((i) => !hidden.has(i));
  at("spoken").textContent = row === null ? "" : spokenOf(grid, shown, row);
}

// "30 published values, the largest deviation is +3.1 %: zen2, off"
function agreement(grid) {
  let count = 0;
  let worst = null;
  grid.cells.forEach((cells, i) => cells.forEach((cell, j) => {
    const deviation = deviationOf(cell);
    if (cell.published === null || deviation === null) return;
    ++count;
    if (worst && Math.abs(deviation) <= Math.abs(worst.deviation)) return;
    const names = grid.single ? [grid.rowLabels[i]] : [grid.rowLabels[i], grid.columnLabels[j]];
    worst = { deviation, names };
  }));
  if (!worst) return "";
  const exact = deviationText(worst.deviation) === deviationText(0);
  return `${count} published values (${grid.source}); ` + (exact ? "no deviation"
    : `the largest deviation is ${deviationText(worst.deviation)}: ${worst.names.join(", ")}`);
}

function tableCard(table, number) {
  const { across, each, choice } = viewOfTable(table);
  const metric = findMetric(table.metric);
  const rest = varied.filter((i) => i !== across && i !== each);
  const body = element("div");
  const note = element("p", { className: "quiet small" });
  const fill = () => {
    const grid = gridOf(metric, across, each, choice, [table], table.relative_to);
    body.replaceChildren(tableOf(grid, table.title));
    note.textContent = agreement(grid);
    note.hidden = !note.textContent;
  };
  const button = element("button", { type: "button", className: "plot-it" }, "Plot this");
  button.addEventListener("click", () => {
    change(viewOfTable(table, choice));
    at("plot-card").scrollIntoView();
    at("plot").focus({ preventScroll: true });
  });
  fill();
  const title = element("h2", { id: `table-${number}` }, table.title);
  const card = element("section", { className: "card table" },
    element("div", { className: "heading" }, title, button),
    element("p", { className: "quiet" }, `${inWords(table.metric)}: ${metric.about}`
      + (table.relative_to ? `; how many times it goes into that of ${table.relative_to}` : "")),
    element("form", { ariaLabel: "Which results" }, ...rest.map((axis) => chooser(axis, choice, fill))), body, note);
  card.setAttribute("aria-labelledby", title.id);
  return card;
}

axes.forEach((axis, i) => {
  if (varied.includes(i)) return;
  at("constants").append(element("div", {}, element("dt", {}, inWords(axis.name)),
    element("dd", {}, axis.alternatives[0])));
});
at("about").hidden = !at("about").textContent;
at("fingerprint").textContent = experiment.fingerprint;
at("tables").append(...experiment.tables.map(tableCard));
at("plot").addEventListener("keydown", onKey);
addEventListener("hashchange", () => {
  view = fromAddress();
  show();
});
view = fromAddress();
show();
switchTheme(at("theme"), "Light mode", "Dark mode", () => draw(grid));
let width = at("plot").clientWidth;
new ResizeObserver(() => {
  if (at("plot").clientWidth === width) return;
  width = at("plot").clientWidth;
  draw(grid);
}).observe(at("plot"));
