"use strict";
// What one step looks like. All of it is made of text and elements; nothing is parsed as HTML.

function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "class") made.className = value;
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const byId = (id) => document.getElementById(id);

// Bits high to low of an address, as digits.
function digits(address, high, low) {
  const width = high - low + 1;
  return ((BigInt(address) >> BigInt(low)) & ((1n << BigInt(width)) - 1n)).toString(2).padStart(width, "0");
}

// An address cut up by its levels, which are `levelStep` apart. `lit` and `waiting` are numbers of ranges.
function addressBar(space, stage, address, ranges, firstLevel, levelStep, lit, waiting) {
  const bar = element("div", { class: `bits stage${stage}`, role: "group",
    "aria-label": `${space} ${address}` }, element("span", { class: "space" }, space));
  ranges.forEach(([high, low], i) => {
    const last = i + 1 === ranges.length;
    const name = last ? "offset" : `level ${firstLevel + levelStep * i}`;
    const kind = i === lit ? " lit" : i === waiting ? " waiting" : "";
    bar.append(element("span", { class: "group" + kind }, digits(address, high, low),
      element("small", {}, `${high}:${low} ${name}`)));
  });
  return bar;
}

// The entries of a table, 32 in a row.
function drawTable(host, table, index, stage) {
  host.replaceChildren();
  host.className = `stage${stage}`;
  [...table.kinds].forEach((kind, n) => {
    const number = table.first + n;
    if (n % 32 === 0) host.append(element("b", {}, String(number)));
    const value = table.values[n];
    host.append(element("i", { class: (kind === "." ? "" : kind) + (number === index ? " lit" : ""),
      title: `${number}: ${value ?? "0x0"}` }));
  });
  host.setAttribute("aria-label", `${table.kinds.length} entries, of which ${
    [...table.kinds].filter((kind) => kind !== ".").length} are valid; entry ${index} is read`);
}

function drawBits(host, word, fields) {
  host.replaceChildren();
  fields.forEach((field, n) => {
    for (const digit of digits(word, field.high, field.low)) {
      host.append(element("span", { class: n % 2 ? "odd" : "", "data-field": n }, digit));
    }
  });
  host.setAttribute("aria-label", `${word} in binary`);
}

function fieldRows(fields) {
  return fields.map((field, n) => {
    const place = field.high === field.low ? `${field.high}` : `${field.high}:${field.low}`;
    const silent = field.name.startsWith("RES") || /ignored/.test(field.about);
    return element("tr", { class: silent ? "silent" : "", "data-field": n },
      element("td", { class: "place" }, place), element("th", { scope: "row" }, field.name),
      element("td", { class: "value" }, field.value),
      element("td", {}, field.about + (field.meaning ? ": " + field.meaning : "")));
  });
}

function fieldHead() {
  return element("thead", {}, element("tr", {},
    ...["bits", "field", "value", "meaning"].map((text) => element("th", { scope: "col" }, text))));
}

// Pointing at a field lights its bits.
function linkFields(table, bits) {
  const light = (event) => {
    const field = event.target.closest("[data-field]")?.dataset.field;
    for (const other of [...table.querySelectorAll("tr"), ...bits.children]) {
      other.classList.toggle("lit", event.type === "mouseover" && field !== undefined && other.dataset.field === field);
    }
  };
  for (const host of [table, bits]) {
    host.addEventListener("mouseover", light);
    host.addEventListener("mouseleave", light);
  }
}
