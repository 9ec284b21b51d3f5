"use strict";
// The experiment, and what can be asked of it.

const experiment = JSON.parse(document.getElementById("experiment").textContent);

// In the order in which points are counted: the last one is fastest.
const axes = Object.entries(experiment.axes).map(([name, alternatives]) => ({ name, alternatives }));
const axisNumber = (name) => axes.findIndex((axis) => axis.name === name);
const varied = axes.map((_, i) => i).filter((i) => axes[i].alternatives.length > 1);
const findMetric = (name) => experiment.metrics.find((metric) => metric.name === name);
const inWords = (name) => name.replaceAll("_", " ");

function valueAt(metric, choice) {
  return metric.values[axes.reduce((n, axis, i) => n * axis.alternatives.length + choice[i], 0)];
}

// What others have found for these rows and columns, or nothing: of one table, or the first of all.
function publishedFor(metric, rows, columns, tables) {
  for (const table of tables) {
    if (table.metric !== metric.name || !table.published.length) continue;
    const down = axisNumber(table.rows);
    const across = axisNumber(table.columns);
    const at = (row, column) => table.published[row][column];
    if (down === rows && across === (columns ?? rows)) return { source: table.source, at };
    if (down === columns && across === rows) {
      return { source: table.source, at: (row, column) => at(column, row) };
    }
  }
  return null;
}

// How many times a value goes into another.
const timesOf = (value, base) => (value === 0 ? 0 : base / value);

// One axis down and one across, the others as chosen; without `columns`, one column. Where a row is
// named that the others are relative to, values say how many times they go into that row's.
function gridOf(metric, rows, columns, choice, tables = experiment.tables.filter((table) => !table.relative_to),
  relativeTo = "") {
  const base = axes[rows].alternatives.indexOf(relativeTo);
  const single = columns === null;
  const published = publishedFor(metric, rows, columns, tables);
  const columnLabels = single ? [inWords(metric.name)] : axes[columns].alternatives;
  const cells = axes[rows].alternatives.map((_, row) => columnLabels.map((_, column) => {
    const here = [...choice];
    here[rows] = row;
    if (!single) here[columns] = column;
    const own = valueAt(metric, here);
    const ours = base < 0 ? own : timesOf(own, valueAt(metric, here.with(rows, base)));
    return { ours, published: published?.at(row, column) ?? null };
  }));
  return {
    metric, single, cells, columnLabels,
    rowAxis: axes[rows].name,
    columnAxis: single ? null : axes[columns].name,
    rowLabels: axes[rows].alternatives,
    source: published ? published.source || "others" : null,
  };
}

// As in tables.txt: up to three decimals, none that say nothing, ties to even.
function numberText(value) {
  const decimals = value < 10 ? 3 : value < 1000 ? 2 : 1;
  let text = value.toFixed(decimals);
  if (value * 2 ** (decimals + 1) % 2 === 1 && /[13579]$/.test(text)) {
    text = (value - 0.5 / 10 ** decimals).toFixed(decimals);
  }
  return text.replace(/\.?0+$/, "");
}

// How far ours is from what was published, in parts of that; nothing if that is 0 and ours is not.
function deviationOf({ ours, published }) {
  if (published === null) return null;
  if (ours === published) return 0;
  return published === 0 ? null : ours / published - 1;
}

function deviationText(deviation) {
  if (deviation === null) return "–";
  const percent = Math.abs(deviation * 100);
  if (percent < 0.05) return "±0 %";
  return `${deviation < 0 ? "−" : "+"}${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
