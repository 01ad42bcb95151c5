/* What a page does beside being read: charts over their tables, times in the reader's own zone. Without this file everything is there, as text. */
"use strict";

(() => {
  const FORMS = {
    money: (value) => {
      const usd = value / 1e9;
      const size = Math.abs(usd);
      if (size >= 1000) return "$" + Math.round(usd).toLocaleString("en-US");
      if (size >= 1 || size === 0) return "$" + usd.toFixed(2);
      const digits = Math.min(15, 1 - Math.floor(Math.log10(size)));  // two that count; `toPrecision` would write 9.6e-7
      return "$" + usd.toFixed(digits).replace(/(\.\d\d+?)0+$/, "$1");
    },
    count: (value) => Math.round(value).toLocaleString("en-US"),
    percent: (value) => (value * 100).toFixed(value === 0 || value === 1 ? 0 : 1) + "%",
    took: (value) => (value < 1000 ? Math.round(value) + " ms" : (value / 1000).toFixed(1) + " s"),
  };
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const read = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    const at = rows.map((row) => Number(row.cells[0].dataset.at) / 1000);
    const columns = heads
      .map((head, index) => ({ head, index }))
      .filter(({ head }) => head.dataset.kind)
      .map(({ head, index }) => ({
        name: head.textContent.trim(),
        kind: head.dataset.kind,
        form: FORMS[head.dataset.form] || FORMS.count,
        axis: head.dataset.axis || "left",
        colour: "--chart-" + (head.dataset.colour || "1"),
        values: rows.map((row) => (row.cells[index].dataset.value === undefined || row.cells[index].dataset.value === "" ? null : Number(row.cells[index].dataset.value))),
      }));
    return { at, columns };
  };

  const line = (column) => {
    const stroke = colour(column.colour);
    const told = { label: column.name, scale: column.axis, stroke, width: 2, value: (_, value) => (value === null ? "–" : column.form(value)), points: { show: false } };
    if (column.kind === "area") return { ...told, fill: stroke + "1f" };
    if (column.kind === "bars") return { ...told, width: 0, fill: stroke + "66", paths: uPlot.paths.bars({ size: [0.55, 26] }) };
    return told;
  };

  const axis = (column, side) => ({
    scale: column.axis,
    side,
    size: 64,
    stroke: colour("--quiet"),
    grid: { show: side === 3, stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
    values: (_, values) => values.map((value) => (value === null ? "" : column.form(value))),
  });

  const days = (_, splits, __, ___, step) =>
    splits.map((seconds) => {
      const at = new Date(seconds * 1e3);
      const time = at.toISOString().slice(11, 16);
      return step >= 86400 || time === "00:00" ? at.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }) : time;
    });

  const draw = (figure) => {
    const table = figure.querySelector("table");
    const plot = figure.querySelector(".plot");
    if (!window.uPlot || !table || !table.tBodies.length || table.tBodies[0].rows.length < 2) return;
    const { at, columns } = read(table);
    if (!columns.length || columns.every((column) => column.values.every((value) => value === null))) return;
    const left = columns.find((column) => column.axis === "left");
    const right = columns.find((column) => column.axis === "right");
    plot.replaceChildren();
    figure.classList.add("is-drawn");
    const width = () => Math.max(figure.clientWidth, 200); // the plot itself has none while it is empty
    const top = (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.12 : 1];
    const narrow = width() < 480;
    const chart = new uPlot(
      {
        width: width(),
        height: narrow ? 200 : Number(figure.dataset.height || 240),
        padding: [10, right ? 0 : 14, 0, 0],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
        cursor: { points: { size: 7 }, drag: { x: false, y: false } },
        scales: { x: { time: true }, left: { range: top }, right: { range: top } },
        series: [{ label: "From", value: (_, seconds) => (seconds === null ? "–" : new Date(seconds * 1e3).toISOString().slice(0, 16).replace("T", " ") + " UTC") }, ...columns.map(line)],
        axes: [
          { stroke: colour("--quiet"), grid: { show: false }, ticks: { show: false }, font: "11px system-ui, sans-serif", size: 30, space: narrow ? 64 : 84, values: days },
          ...(left ? [axis(left, 3)] : []),
          ...(right ? [axis(right, 1)] : []),
        ],
      },
      [at, ...columns.map((column) => column.values)],
      plot,
    );
    const watch = new ResizeObserver(() => {
      if (plot.clientWidth && figure.clientWidth !== chart.width) chart.setSize({ width: width(), height: chart.height });
    });
    watch.observe(figure);
    drawn.set(figure, { chart, watch });
  };

  const toggle = (figure) => {
    const caption = figure.querySelector("figcaption");
    if (!caption || caption.querySelector("button") || !figure.classList.contains("is-drawn")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small plain";
    const tell = () => {
      const asTable = figure.classList.contains("as-table");
      button.textContent = asTable ? "Chart" : "Table";
      button.setAttribute("aria-pressed", String(asTable));
    };
    button.addEventListener("click", () => {
      figure.classList.toggle("as-table");
      tell();
    });
    tell();
    caption.append(button);
  };

  const forget = () => {
    for (const [figure, { chart, watch }] of drawn) {
      if (figure.isConnected) continue;
      watch.disconnect();
      chart.destroy();
      drawn.delete(figure);
    }
  };

  const redraw = () => {
    for (const [figure, { chart, watch }] of drawn) {
      watch.disconnect();
      chart.destroy();
      drawn.delete(figure);
      draw(figure);
    }
  };

  const local = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      const at = new Date(time.dateTime);
      time.title = time.textContent;
      const year = at.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
      const second = time.dataset.exact === undefined ? {} : { second: "2-digit" };
      time.textContent = at.toLocaleString("en-GB", { day: "2-digit", month: "short", ...year, hour: "2-digit", minute: "2-digit", ...second });
    }
  };

  const begin = (root) => {
    forget();
    local(root);
    for (const figure of root.querySelectorAll("[data-chart]")) {
      if (drawn.has(figure)) continue;
      draw(figure);
      toggle(figure);
    }
  };

  document.addEventListener("DOMContentLoaded", () => begin(document));
  document.addEventListener("htmx:after:swap", () => begin(document));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
