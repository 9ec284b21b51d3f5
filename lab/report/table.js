"use strict";
// Tables that a click on a heading sorts.

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const unseen = (text) => element("span", { className: "hidden" }, text);

// |deviation| as the style sheet knows it.
function grade(deviation) {
  if (deviation === null) return "";
  const size = Math.abs(deviation);
  return size < 0.0105 ? "same" : size < 0.105 ? "near" : "far";
}

function deviationElement(cell) {
  const deviation = deviationOf(cell);
  return element("span", { className: `deviation ${grade(deviation)}` }, deviationText(deviation));
}

// A cell with ours, and below it what was published and how far that is.
function combinedCell(cell) {
  const made = element("td", {}, element("span", { className: "ours" }, numberText(cell.ours)));
  if (cell.published === null) return made;
  made.append(" ", element("span", { className: "beside" },
    unseen("published "),
    element("span", { className: "published" }, numberText(cell.published)), " ",
    unseen("deviation "), deviationElement(cell)));
  return made;
}

// The three in columns of their own.
function separateCells(cell, withPublished) {
  const ours = element("td", {}, element("span", { className: "ours" }, numberText(cell.ours)));
  if (!withPublished) return [ours];
  const published = cell.published === null ? "–" : numberText(cell.published);
  return [ours, element("td", {}, element("span", { className: "published" }, published)),
    element("td", {}, deviationElement(cell))];
}

// Each column: its heading, and what a row is sorted by.
function columnsOf(grid) {
  if (!grid.single) {
    return grid.columnLabels.map((label, i) => ({ label, key: (row) => row[i].ours }));
  }
  const ours = { label: grid.columnLabels[0], key: (row) => row[0].ours };
  if (grid.source === null) return [ours];
  return [ours, { label: "published", key: (row) => row[0].published },
    { label: "deviation", key: (row) => Math.abs(deviationOf(row[0]) ?? 0) }];
}

// The first heading puts rows back into the order of the experiment.
function tableOf(grid, caption) {
  const order = grid.cells.map((_, i) => i);
  const body = element("tbody");
  const rows = grid.cells.map((cells, i) => element("tr", {},
    element("th", { scope: "row" }, grid.rowLabels[i]),
    ...(grid.single ? separateCells(cells[0], grid.source !== null) : cells.map(combinedCell))));
  const show = () => body.replaceChildren(...order.map((i) => rows[i]));
  const headings = [];

  function heading(label, key) {
    const button = element("button", { type: "button", title: "Sort" }, label);
    const made = element("th", { scope: "col" }, button);
    button.addEventListener("click", () => {
      const down = made.ariaSort === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      made.setAttribute("aria-sort", down ? "descending" : "ascending");
      order.sort((a, b) => (key ? key(grid.cells[a]) - key(grid.cells[b]) : 0) || a - b);
      if (down) order.reverse();
      show();
    });
    headings.push(made);
    return made;
  }

  const corner = heading(inWords(grid.rowAxis), null);
  corner.className = "corner";
  const top = element("tr", {}, corner, ...columnsOf(grid).map(({ label, key }) => heading(label, key)));
  const head = element("thead");
  if (!grid.single) {
    head.append(element("tr", { className: "over" }, element("td"), element("th",
      { scope: "colgroup", colSpan: grid.columnLabels.length }, inWords(grid.columnAxis))));
  }
  head.append(top);
  show();
  const table = element("table", {}, element("caption", { className: "hidden" }, caption), head, body);
  return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: caption }, table);
}
