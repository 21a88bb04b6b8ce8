// Draws the charts of a page with uPlot, from the numbers that also stand in their tables.

const root = document.documentElement;
const toneColors = { good: "success", info: "info", warn: "warning", bad: "error", accent: "primary", faint: "faint", "": "muted" };
const color = (name) => getComputedStyle(root).getPropertyValue(`--color-${name}`).trim();
const figures = () => [...document.querySelectorAll("[data-chart]")];
const canvasOf = (figure) => figure.querySelector("[data-chart-canvas]");

/** Draws every chart that is not drawn yet. */
export function drawCharts() {
  for (const figure of figures().filter((figure) => !figure.plot)) {
    draw(figure);
    new ResizeObserver(() => fit(figure)).observe(canvasOf(figure));
  }
}

function fit({ plot }) {
  const width = plot.root.parentElement.clientWidth;
  if (width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height });
}

function redraw() {
  for (const figure of figures().filter((figure) => figure.plot)) {
    figure.plot.destroy();
    draw(figure);
  }
}

for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", redraw);
new MutationObserver(redraw).observe(root, { attributeFilter: ["data-theme"] });

function draw(figure) {
  const data = JSON.parse(figure.dataset.chart);
  const canvas = canvasOf(figure);
  const words = wordsOf(data);
  const order = [...data.series.keys()];
  if (data.shape === "stack") order.reverse(); // the tallest is drawn first
  figure.plot = new uPlot(
    {
      width: canvas.clientWidth,
      height: canvas.clientHeight,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), data.zone), // days begin where the people are
      cursor: { points: { show: !data.shape }, y: false, drag: { x: false, y: false } },
      scales: { x: { range: widen(data) }, y: { range: (_, low, high) => heightRange(data, low, high) } },
      axes: axes(words),
      series: [{}, ...order.map((i) => style(data, i))],
      hooks: { setCursor: [(plot) => showTip(plot, canvas, data, words)] },
    },
    [data.times, ...order.map((i) => heights(data, i))],
    canvas,
  );
}

/** Bars stand on their times, so the first and the last need room beside them. */
function widen({ shape, times }) {
  const half = shape && times.length > 1 ? (times[1] - times[0]) / 2 : 0;
  return (_, low, high) => [low - half, high + half];
}

/** Rates near 100% are told apart only where the axis does not begin at 0. */
function heightRange(data, low, high) {
  if (data.percent) return [low > 90 ? 90 : low > 50 ? 50 : 0, 100];
  return [0, Math.max(high, 1) * 1.08];
}

/** In a stack each series begins where the one before ends. */
function heights(data, i) {
  if (data.shape !== "stack") return data.series[i].values;
  const below = data.series.slice(0, i + 1);
  return data.times.map((_, at) => below.reduce((sum, series) => sum + (series.values[at] ?? 0), 0));
}

function style(data, i) {
  const stroke = color(toneColors[data.series[i].tone]);
  const dash = data.series[i].tone === "faint" ? [4, 4] : undefined; // what is compared with
  if (!data.shape) return { stroke, dash, width: 1.5, points: { show: false } };
  return { fill: stroke, width: 0, paths: uPlot.paths.bars({ size: [0.7, 28] }), points: { show: false } };
}

function axes({ tick, tickTime }) {
  const axis = { stroke: color("muted"), font: "12px " + getComputedStyle(root).fontFamily, ticks: { show: false } };
  return [
    { ...axis, grid: { show: false }, space: 72, size: 28, values: (_, all) => all.map(tickTime) },
    { ...axis, grid: { stroke: color("line"), width: 1 }, size: 52, space: 40, values: (_, all) => all.map(tick) },
  ];
}

function wordsOf({ percent, days, zone }) {
  const short = new Intl.NumberFormat(root.lang, { notation: "compact", maximumFractionDigits: 1 });
  const format = (options) => {
    const formatter = new Intl.DateTimeFormat("sv-SE", { ...options, timeZone: zone });
    return (at) => formatter.format(at * 1000);
  };
  const clock = format({ hour: "2-digit", minute: "2-digit" });
  const date = format({ year: "numeric", month: "2-digit", day: "2-digit" });
  const day = (at) => date(at).slice(5); // of 2026-11-20
  return {
    say: (value) => (value == null ? "–" : percent ? value.toFixed(1) + "%" : value.toLocaleString("en")),
    tick: (value) => (percent ? value + "%" : short.format(value).replace(/(\d)(?=[万亿])/, "$1 ")),
    tickTime: (at) => (days || clock(at) === "00:00" ? day(at) : clock(at)),
    when: (at) => (days ? day(at) : day(at) + " " + clock(at)),
  };
}

function showTip(plot, canvas, data, { say, when }) {
  canvas.querySelector(".chart-tip")?.remove();
  const at = plot.cursor.idx;
  if (at == null || plot.cursor.left < 0) return;
  const tip = element("div", "chart-tip", element("div", "chart-tip-time", when(data.times[at])));
  for (const series of data.series) {
    tip.append(element("div", "tone-" + (series.tone || "neutral"), element("span", "", series.name), element("span", "num", say(series.values[at]))));
  }
  canvas.append(tip);
  const pointer = plot.over.offsetLeft + plot.cursor.left;
  const right = pointer + 12;
  tip.style.left = (right + tip.offsetWidth > canvas.clientWidth ? Math.max(pointer - 12 - tip.offsetWidth, 0) : right) + "px";
}

function element(name, className, ...children) {
  const made = Object.assign(document.createElement(name), { className });
  made.append(...children);
  return made;
}
