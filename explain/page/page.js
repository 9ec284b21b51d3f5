"use strict";
// The walk, step by step. Step number n reads a descriptor; the last one is the result.

const walk = JSON.parse(byId("walk").textContent);
const last = walk.reads.length;
const words = walk.words;
let step = 0;

// --- what stays the same ------------------------------------------------------------------------

const list = (id, lines) => byId(id).replaceChildren(...lines.map((line) => element("li", {}, line)));
list("regime", walk.regime);
list("result-lines", walk.result);
list("tlb", walk.tlb);
byId("block-word").textContent = words.block;
byId("stage-word").textContent = words.stages[0];
byId("tlb").hidden = byId("tlb-title").hidden = walk.tlb.length === 0;
byId("registers").append(...walk.registers.map((register) => element("details", { "aria-label": register.name },
  element("summary", {}, element("code", {}, `${register.name} = ${register.word}`), ` ${register.title}`),
  element("p", { class: "quiet small" }, register.section),
  element("div", { class: "scroll" },
    element("table", { "aria-label": register.name }, fieldHead(),
      element("tbody", {}, ...fieldRows(register.fields)))))));

// Reads of stage 2 belong to the stage-1 descriptor behind them, or to the address itself.
function groups() {
  const found = [];
  walk.reads.forEach((read, n) => {
    const name = read.stage === 1 ? `level ${read.level} ${words.entry}`
      : read.forLevel !== undefined ? `level ${read.forLevel} ${words.entry}` : "the address";
    if (found.at(-1)?.name === name) found.at(-1).size += 1;
    else found.push({ name, begin: n, size: 1 });
  });
  return found;
}

const capitalized = (text) => text[0].toUpperCase() + text.slice(1);

function drawLanes() {
  const lanes = byId("lanes");
  lanes.style.gridTemplateColumns = `max-content repeat(${last + 1}, minmax(2.1rem, 1fr))`;
  const put = (child, row, column, span = 1) => {
    child.style.gridRow = row;
    child.style.gridColumn = `${column} / span ${span}`;
    lanes.append(child);
  };
  for (const group of groups()) {
    put(element("span", { class: "group", title: group.name }, group.name), 1, group.begin + 2, group.size);
  }
  const stages = [...new Set(walk.reads.map((read) => read.stage))].sort();
  stages.forEach((stage, row) => put(element("span", { class: "name" }, capitalized(words.stages[stage - 1])), row + 2, 1));
  walk.reads.forEach((read, n) => {
    const button = element("button", { type: "button", class: `stage${read.stage}`, tabindex: -1,
      "aria-label": `${n + 1}: ${read.title}`, title: read.title }, `L${read.level}`);
    button.addEventListener("click", () => show(n));
    put(button, stages.indexOf(read.stage) + 2, n + 2);
  });
  const end = element("button", { type: "button", tabindex: -1, "aria-label": "Result",
    title: walk.found ? `PA ${walk.target}` : "fault" }, walk.found ? "PA" : "✗");
  end.addEventListener("click", () => show(last));
  put(end, 2, last + 2);
}

// --- what a step shows --------------------------------------------------------------------------

// Of stage 1: the next of its reads, whose bits wait while stage 2 looks for the descriptor.
const pending = (n) => walk.reads.slice(n).find((read) => read.stage === 1);
const firstLevel = (read) => read.level - read.lit * words.levelStep;

function addressBars(n) {
  const read = walk.reads[n];
  const bars = [];
  const virtual = read.stage === 1 ? read : walk.reads.find((other) => other.stage === 1);
  if (virtual) {
    const waits = read.forLevel === undefined ? undefined : pending(n)?.lit;
    bars.push(addressBar(words.spaces[0], 1, virtual.input, virtual.ranges, firstLevel(virtual), words.levelStep,
      read.stage === 1 ? read.lit : undefined, waits));
  }
  if (read.stage === 2) {
    bars.push(addressBar(words.spaces[1], 2, read.input, read.ranges, firstLevel(read), words.levelStep, read.lit));
  }
  return bars;
}

function showRead(n) {
  const read = walk.reads[n];
  byId("step").className = `card stage${read.stage}`;
  byId("step-title").textContent = `${n + 1}. ${read.title}`;
  byId("choice").textContent = read.choice;
  byId("addresses").replaceChildren(...addressBars(n));
  byId("outcome").textContent = `${read.descriptor.word}: ${read.outcome}`;
  byId("table-title").textContent = `Table at ${read.table}`;
  drawTable(byId("table"), walk.tables[read.entries], read.index, read.stage);
  byId("entry").textContent = `entry ${read.index} = ${read.descriptor.word}`;
  byId("descriptor-title").textContent = read.descriptor.title;
  byId("section").textContent = read.descriptor.section;
  drawBits(byId("bits"), read.descriptor.word, read.descriptor.fields);
  byId("fields").replaceChildren(fieldHead(), element("tbody", {}, ...fieldRows(read.descriptor.fields)));
}

function showCounts(n) {
  const done = walk.reads.slice(0, n + 1);
  const of = (stage) => done.filter((read) => read.stage === stage).length;
  const cycles = done.length ? done.at(-1).cyclesSoFar : walk.cyclesBefore;
  const here = n < last && walk.reads[n].servedBy;
  const counts = [[`${words.stages[0]} reads`, of(1)], [`${words.stages[1]} reads`, of(2)], ["cycles", cycles]];
  if (here) counts.push(["this read", `${walk.reads[n].cycles} cycles, ${here}`]);
  byId("counts").replaceChildren(...counts.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
  byId("counts").title = walk.costModel;
}

function show(n, keepsAddress = false) {
  step = Math.max(0, Math.min(last, n));
  const atEnd = step === last;
  byId("step").hidden = byId("table-card").hidden = byId("descriptor-card").hidden = atEnd;
  byId("result").className = "card" + (atEnd ? " reached" : "") + (walk.found ? "" : " failed");
  if (!atEnd) showRead(step);
  showCounts(step);
  byId("where").textContent = atEnd ? "Result" : `Step ${step + 1} of ${last}`;
  [...byId("lanes").querySelectorAll("button")].forEach((button, i) => {
    button.classList.toggle("done", i < step);
    button.tabIndex = i === step ? 0 : -1;
    if (i === step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    if (i === step) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  byId("first").disabled = byId("previous").disabled = step === 0;
  byId("last").disabled = byId("next").disabled = atEnd;
  byId("spoken").textContent = atEnd ? walk.result[0]
    : `${walk.reads[step].title}. ${walk.reads[step].choice}. ${walk.reads[step].outcome}`;
  if (!keepsAddress) history.replaceState(null, "", `#${atEnd ? "result" : step + 1}`);
}

// The next read of stage 1 from `n` on, by `by`; the ends where there is none.
function jump(by) {
  let n = step + by;
  while (n > 0 && n < last && walk.reads[n].stage !== 1) n += by;
  show(n);
}

// --- what the reader does -----------------------------------------------------------------------

const keys = {
  ArrowRight: () => show(step + 1),
  ArrowLeft: () => show(step - 1),
  ArrowDown: () => jump(1),
  ArrowUp: () => jump(-1),
  Home: () => show(0),
  End: () => show(last),
  "?": () => byId("help").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("help").open || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
byId("first").addEventListener("click", keys.Home);
byId("previous").addEventListener("click", keys.ArrowLeft);
byId("next").addEventListener("click", keys.ArrowRight);
byId("last").addEventListener("click", keys.End);
byId("help-button").addEventListener("click", keys["?"]);

switchTheme(byId("theme"), "Light", "Dark");

function showAddressed() {
  const place = location.hash.slice(1);
  show(place === "result" ? last : (Number.parseInt(place, 10) || 1) - 1, true);
}
addEventListener("hashchange", showAddressed);
drawLanes();
linkFields(byId("fields"), byId("bits"));
showAddressed();
