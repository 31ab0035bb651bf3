// Charts when they come near the screen, controls that steer them, tables that sort and filter.
"use strict";

const text = { labelColor: "var(--muted)", titleColor: "var(--muted)", labelFontSize: 11.5, titleFontSize: 11.5, titleFontWeight: 500 };
const theme = {
  background: "transparent",
  font: getComputedStyle(document.body).fontFamily,
  view: { stroke: null },
  axis: { ...text, gridColor: "var(--line)", domainColor: "var(--line)", tickColor: "var(--line)", titlePadding: 5, labelLimit: 120 },
  axisBand: { grid: false, ticks: false, domain: false, labelPadding: 6 },
  axisX: { labelAngle: 0, labelOverlap: true },
  text: { color: "var(--ink)" },
};
const views = new Map();

const here = document.querySelector("nav [aria-current]");
here.parentNode.scrollLeft = here.offsetLeft - here.parentNode.offsetLeft - 40;

async function draw(chart) {
  if (views.has(chart)) return;
  views.set(chart, null);
  const spec = JSON.parse(chart.querySelector("script").textContent);
  const options = { actions: false, renderer: "svg", config: theme, mode: "vega-lite", logLevel: 1 };
  const { view } = await vegaEmbed(chart, spec, options);
  views.set(chart, view);
  const control = chart.closest("[data-scope]")?.querySelector("[data-signal]");
  if (control) show(view, control);
}

function show(view, control) {
  view.signal(control.dataset.signal, control.value).runAsync();
}

const charts = document.querySelectorAll(".chart");
const near = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); draw(entry.target); }),
  { rootMargin: "1200px" },
);
charts.forEach((chart) => near.observe(chart));
addEventListener("beforeprint", () => charts.forEach(draw));

document.querySelectorAll("[data-signal]").forEach((control) =>
  control.addEventListener("change", () =>
    control.closest("[data-scope]").querySelectorAll(".chart").forEach((chart) => views.get(chart) && show(views.get(chart), control))));

function value(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const found = cell.textContent.trim();
  const asNumber = Number(found.replace("−", "-").replaceAll(",", ""));
  return found === "" || found === "–" || found === "not defined" ? null : Number.isNaN(asNumber) ? found : asNumber;
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}

document.querySelectorAll("table[data-sortable]").forEach((table) =>
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.dataset.sort = "";
    heading.tabIndex = 0;
    const sort = () => {
      const current = heading.getAttribute("aria-sort");
      // Numbers begin with the largest, words with A.
      const ascending = current ? current === "descending" : !heading.classList.contains("n");
      const rows = [...table.tBodies[0].rows].map((row) => [value(row, column), row]);
      // What has no number goes last, whichever way.
      rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : ascending ? compare(a, b) : compare(b, a)));
      table.tBodies[0].append(...rows.map(([, row]) => row));
      [...heading.parentNode.cells].forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    };
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => event.key === "Enter" && sort());
  }));

document.querySelectorAll(".tools:has([data-filter])").forEach((tools) => {
  const rows = [...tools.parentNode.querySelector("table").tBodies[0].rows];
  const filters = [...tools.querySelectorAll("[data-filter]")];
  const filter = () => {
    const wanted = (row, control) => control.dataset.filter === "metric"
      ? !control.value || row.dataset.metric === control.value
      : control.value.toLowerCase().split(/\s+/).every((word) => row.textContent.toLowerCase().includes(word));
    rows.forEach((row) => { row.hidden = !filters.every((control) => wanted(row, control)); });
    tools.querySelector(".count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  filters.forEach((control) => control.addEventListener("input", filter));
  filter();
});
