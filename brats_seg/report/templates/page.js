"use strict";
// Settings that the reader chooses, kept where the browser lets a file keep anything.
const root = document.documentElement;
const remembered = (key) => { try { return localStorage.getItem("brats-seg-" + key); } catch { return null; } };
const remember = (key, value) => { try { localStorage.setItem("brats-seg-" + key, value); } catch { /* a private window */ } };
for (const key of ["theme", "palette", "style"]) {
  const control = document.getElementById(key);
  if (!control) continue;
  const saved = remembered(key);
  if (saved && [...control.options].some((option) => option.value === saved)) control.value = saved;
  const apply = () => { root.dataset[key] = control.value; remember(key, control.value); };
  control.addEventListener("change", apply);
  apply();
}

// The table of the cases.
const table = document.getElementById("cases");
if (table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[1].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? (cell.dataset.value === "" ? NaN : Number(cell.dataset.value)) : cell.textContent.trim();
  };
  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    return a - b;
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => Number.isNaN(a) - Number.isNaN(b) || sign * compare(a, b) || 0);  // undefined last, either way
    body.append(...rows.map(([, row]) => row));
  }));
  const filter = document.getElementById("filter");
  filter.addEventListener("input", () => {
    const part = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const row of body.rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(part);
      shown += !row.hidden;
    }
    document.getElementById("count").textContent = shown + " shown";
  });
  document.getElementById("metric")?.addEventListener("change", (event) => {
    for (const cell of table.querySelectorAll("[data-metric]")) {
      cell.hidden = event.target.value !== "" && cell.dataset.metric !== event.target.value;
    }
  });
}
