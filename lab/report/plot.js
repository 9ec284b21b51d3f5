"use strict";
// A plot of a grid: its rows from left to right, a line or bars for each of its columns.

const kColours = 10;  // of the style sheet

// Canvases do not know the style sheet's variables.
function colour(name) {
  document.body.style.setProperty("outline-color", `var(--${name})`);
  const found = getComputedStyle(document.body).outlineColor;
  document.body.style.removeProperty("outline-color");
  return found;
}

const seriesColour = (column) => colour(`series-${column % kColours}`);
const seriesDash = (column) => (column < kColours ? [] : [6, 4]);

// Where the bar `slot` of `count` at x begins and ends.
function barEdges(x, slot, count) {
  const group = Math.min(0.82, 0.24 * count + 0.16);
  const width = group / count;
  const left = x - group / 2 + slot * width;
  return [left + width * 0.05, left + width * 0.95];
}

function barPaths(slot, count) {
  return (plot, series, from, to) => uPlot.orient(plot, series,
    (_, xs, ys, scaleX, scaleY, toX, toY, left, top, width, height) => {
      const fill = new Path2D();
      const base = toY(scaleY.min, scaleY, height, top);
      for (let i = from; i <= to; ++i) {
        if (ys[i] === null) continue;
        const [a, b] = barEdges(xs[i], slot, count).map((x) => toX(x, scaleX, width, left));
        const y = toY(ys[i], scaleY, height, top);
        const radius = Math.min(3 * devicePixelRatio, (b - a) / 2, base - y);
        fill.roundRect(a, y, b - a, base - y, [radius, radius, 0, 0]);
      }
      return { stroke: null, fill, clip: null, flags: 0 };
    });
}

// Diamonds for what was published; in the place of the bar, or at the line's point.
function drawPublished(plot, grid, shown, shape) {
  const context = plot.ctx;
  const room = plot.bbox.width / (grid.rowLabels.length * (shape === "bars" ? shown.length : 1));
  const size = Math.max(2 * devicePixelRatio, Math.min(5 * devicePixelRatio, room / 3));
  context.save();
  context.lineWidth = Math.min(1.75 * devicePixelRatio, size / 2);
  shown.forEach((column, slot) => {
    context.strokeStyle = shape === "bars" ? colour("ink") : seriesColour(column);
    context.fillStyle = colour("card");
    grid.cells.forEach((row, i) => {
      const value = row[column].published;
      if (value === null || value < plot.scales.y.min) return;
      const [a, b] = shape === "bars" ? barEdges(i, slot, shown.length) : [i, i];
      const x = plot.valToPos((a + b) / 2, "x", true);
      const y = plot.valToPos(value, "y", true);
      context.beginPath();
      context.moveTo(x, y - size);
      for (const [dx, dy] of [[size, 0], [0, size], [-size, 0]]) context.lineTo(x + dx, y + dy);
      context.closePath();
      context.fill();
      context.stroke();
    });
  });
  context.restore();
}

// From 0, or whole decades; wide enough for all that is drawn.
function rangeOf(grid, shown, log) {
  const values = grid.cells.flatMap((row) => shown.flatMap((i) => [row[i].ours, row[i].published]))
    .filter((value) => value !== null && (!log || value > 0));
  const max = Math.max(0, ...values);
  if (!log) return uPlot.rangeNum(0, max || 1, 0.08, true);
  if (!values.length) return [1, 10];
  const low = Math.floor(Math.log10(Math.min(...values)));
  return [10 ** low, 10 ** Math.max(Math.ceil(Math.log10(max)), low + 1)];
}

function textWidth(text) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = "12px system-ui, sans-serif";
  return context.measureText(text).width;
}

// What the tooltip shows and the screen reader says of one row.
function readingOf(grid, shown, row) {
  return shown.map((column) => {
    const cell = grid.cells[row][column];
    const published = cell.published === null ? "" : numberText(cell.published);
    return { column, label: grid.columnLabels[column], ours: numberText(cell.ours), published,
      deviation: published && deviationText(deviationOf(cell)) };
  });
}

function tooltipOf(grid, shown, row) {
  const lines = readingOf(grid, shown, row).map(({ column, label, ours, published, deviation }) => {
    const key = element("i", { className: "key" });
    key.style.background = `var(--series-${column % kColours})`;
    return element("tr", {}, element("td", {}, key, label), element("td", { className: "ours" }, ours),
      ...(grid.source ? [element("td", {}, published && `◇ ${published}`),
        element("td", {}, deviation)] : []));
  });
  return [element("strong", {}, `${inWords(grid.rowAxis)} ${grid.rowLabels[row]}`),
    element("table", {}, element("tbody", {}, ...lines))];
}

function spokenOf(grid, shown, row) {
  return `${inWords(grid.rowAxis)} ${grid.rowLabels[row]}: ` + readingOf(grid, shown, row)
    .map(({ label, ours, published }) =>
      `${label} ${ours}${published ? `, published ${published}` : ""}`).join("; ");
}

// Draws into `host`; the caller destroys the plot before it asks for another one.
function drawPlot(host, grid, { hidden, shape, log }) {
  const shown = grid.columnLabels.map((_, i) => i).filter((i) => !hidden.has(i));
  const count = grid.rowLabels.length;
  const ink = colour("quiet");
  const rule = colour("rule");
  const width = host.clientWidth;
  const slot = (width - 70) / count;
  const widest = Math.max(...grid.rowLabels.map(textWidth));
  const slanted = widest + 10 > slot;
  const every = Math.ceil(16 / slot);  // labels are 16 pixels high
  const labelHeight = slanted ? Math.min(130, widest * 0.77 + 26) : 30;
  const range = rangeOf(grid, shown, log);
  const tooltip = element("div", { className: "tooltip", hidden: true });

  function follow(plot) {
    const row = plot.cursor.idx;
    tooltip.hidden = row === null || row === undefined || plot.cursor.left < 0 || !shown.length;
    if (tooltip.hidden) return;
    tooltip.replaceChildren(...tooltipOf(grid, shown, row));
    const room = plot.over.clientWidth;
    if (room < 500) tooltip.style.top = `${plot.height}px`;  // there is no place beside the bars
    const wanted = plot.valToPos(row, "x") + (plot.valToPos(row, "x") > room / 2
      ? -tooltip.offsetWidth - 14 : 14);
    tooltip.style.left = `${Math.max(0, Math.min(wanted, room - tooltip.offsetWidth))}px`;
  }

  // The line of the cursor is at a value, not between two.
  function snap(plot, left, top) {
    if (left < 0) return [left, top];
    const row = Math.max(0, Math.min(count - 1, Math.round(plot.posToVal(left, "x"))));
    return [plot.valToPos(row, "x"), top];
  }

  const series = shown.map((column, slotOf) => ({
    label: grid.columnLabels[column],
    stroke: seriesColour(column),
    dash: seriesDash(column),
    ...(shape === "bars"
      ? { width: 0, fill: seriesColour(column), paths: barPaths(slotOf, shown.length),
        points: { show: false } }
      : { width: 2, points: { show: true, size: 7, fill: seriesColour(column) } }),
  }));
  const ys = shown.map((column) => grid.cells.map((row) =>
    (log && row[column].ours <= 0 ? null : row[column].ours)));
  const font = "12px system-ui, sans-serif";
  const plot = new uPlot({
    width,
    height: Math.round(Math.max(220, Math.min(410, width * 0.45)) + labelHeight),
    padding: [12, 8, 0, 0],
    legend: { show: false },
    cursor: {
      y: false, move: snap, drag: { x: false, y: false }, points: { show: shape === "lines" },
    },
    scales: {
      x: { time: false, range: [-0.5, count - 0.5] },
      y: { distr: log ? 3 : 1, log: 10, range },
    },
    axes: [
      {
        stroke: ink, font, grid: { show: false }, ticks: { stroke: rule, size: 4 },
        splits: () => grid.rowLabels.map((_, i) => i).filter((i) => i % every === 0),
        values: (_, splits) => splits.map((i) => grid.rowLabels[i]),
        rotate: slanted ? 50 : 0, size: labelHeight,
      },
      {
        stroke: ink, font, grid: { stroke: rule, width: 1 }, ticks: { show: false },
        size: 14 + Math.max(...range.map((value) => textWidth(numberText(value)))),
        values: (_, splits) => splits.map((value) => (value === null ? "" : numberText(value))),
      },
    ],
    series: [{}, ...series],
    hooks: {
      draw: [(u) => drawPublished(u, grid, shown, shape)],
      setCursor: [follow],
    },
  }, [grid.rowLabels.map((_, i) => i), ...ys], host);
  plot.over.append(tooltip);
  return plot;
}
