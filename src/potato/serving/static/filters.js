/** The filters: which passes and tiles are shown, and in which order. */

import { find } from "./dom.js";

/** Whether a pass or a tile passes the filters; what it doesn't say can't keep it out. */
export function matches({ date, clouds, sensor }, state) {
  return (!state.from || !date || date >= state.from)
    && (!state.to || !date || date <= state.to)
    && (clouds === null || clouds === undefined || clouds <= state.clouds)
    && (!state.sensor || sensor === state.sensor);
}

const last = value => value ?? Infinity; // unknown numbers come last
const when = pass => pass.time ?? pass.date ?? "";

/** Comparisons of two passes, by name. */
export const ORDERS = {
  newest: (a, b) => when(b).localeCompare(when(a)),
  oldest: (a, b) => when(a).localeCompare(when(b)),
  clearest: (a, b) => last(a.clouds) - last(b.clouds) || ORDERS.newest(a, b),
  steepest: (a, b) => last(a.off_nadir) - last(b.off_nadir) || ORDERS.newest(a, b),
};

/** No filter at all. */
export const OPEN = { from: "", to: "", clouds: 100, sensor: "", inView: false };

/** Connect the controls with the state. */
export function connectFilters(store, passes) {
  find("filter-box").open = !matchMedia("(max-width: 800px)").matches;
  const sensors = [...new Set(passes.map(pass => pass.sensor).filter(Boolean))].sort();
  find("sensor").append(new Option("all", ""), ...sensors.map(name => new Option(name)));
  for (const key of ["from", "to", "sensor", "order"]) {
    find(key).addEventListener("change", () => store.set({ [key]: find(key).value }));
  }
  find("clouds").addEventListener("input", () => store.set({ clouds: Number(find("clouds").value) }));
  find("in-view").addEventListener("change", () => store.set({ inView: find("in-view").checked }));
  find("footprints").addEventListener("change", () => store.set({ footprints: find("footprints").checked }));
  store.watch(["from", "to", "sensor", "order", "clouds", "inView", "footprints"], state => {
    for (const key of ["from", "to", "sensor", "order", "clouds"]) find(key).value = state[key];
    find("clouds-said").textContent = `${state.clouds} %`;
    find("in-view").checked = state.inView;
    find("footprints").checked = state.footprints;
  });
}
