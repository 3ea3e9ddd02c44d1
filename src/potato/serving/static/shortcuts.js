/** Which key does what. */

import { exchange } from "./choices.js";
import { blink, setMode, slide } from "./compare.js";
import { find } from "./dom.js";
import { fit, zoomBy } from "./map.js";
import { toLonLat } from "./openlayers.js";

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
const rounded = value => Number(value.toFixed(3));

/** The one after (or before) a value in a list, which has no end. */
const after = (list, value, by = 1) => list[(list.indexOf(value) + by + list.length) % list.length] ?? "";

/** Groups of keys as `connectKeys` takes them. */
export function shortcuts(page) {
  return [["Map", moving(page)], ["Pictures", comparing(page)], ["Light", lighting(page)], ["Work", working(page)]];
}

function moving({ map, store, source }) {
  const search = () => { find("query").focus(); find("query").select(); };
  return [
    [["←", "→", "↑", "↓"], "move the map, while it has the focus", {}],
    [["M"], "give the map the focus", { m: () => find("map").focus() }],
    [["+", "−"], "zoom", { "+": () => zoomBy(map, 1), "=": () => zoomBy(map, 1), "-": () => zoomBy(map, -1) }],
    [["H"], "show everything", { h: () => fit(map, source.bounds) }],
    [["G", "/"], "go to coordinates, a CID or a quadkey", { g: search, "/": search }],
    [["T"], "footprints on, off", { t: () => store.set({ footprints: !store.state.footprints }) }],
  ];
}

function comparing({ store, source }) {
  const views = source.views.slice(0, 9), numbers = views.map((_, at) => at + 1);
  const choose = (side, prefix) => Object.fromEntries(views.map(({ name }, at) =>
    [`${prefix}${at + 1}`, () => store.set({ [`view${side}`]: name })]));
  const pass = by => () => {
    const listed = [...find("list").querySelectorAll("[data-pass]")].map(item => item.dataset.pass);
    const all = listed.length > 1 ? ["", ...listed] : listed;
    store.set({ passA: after(all, store.state.passA, by) });
  };
  return [
    [numbers, `A: ${views.map(({ title }) => title).join("; ")}`, choose("A", "")],
    [["Shift", ...numbers], "the same for B", choose("B", "Shift ")],
    [["N", "Shift N"], "A: next pass of the list, previous pass", { n: pass(1), N: pass(-1) }],
    [["O"], "only A", { o: () => setMode(store, "single") }],
    [["S"], "swipe", { s: () => setMode(store, "swipe") }],
    [["B", "Space"], "blink: show the other one", { b: () => blink(store), " ": () => blink(store) }],
    [["F"], "fade", { f: () => setMode(store, "fade") }],
    [["[", "]"], "move the divider, or fade", { "[": () => slide(store, -0.02), "]": () => slide(store, 0.02) }],
    [["X"], "exchange A and B", { x: () => exchange(store) }],
  ];
}

function lighting({ store, source }) {
  const expose = by => () => store.set({ exposure: clamp(rounded(store.state.exposure + by), -4, 4) });
  const contrast = by => () => store.set({ contrast: clamp(rounded(store.state.contrast * by), 0.25, 4) });
  const looks = source.looks.map(({ name }) => name);
  return [
    [["E", "Shift E"], "exposure up, down", { e: expose(0.2), E: expose(-0.2) }],
    [["C", "Shift C"], "contrast up, down", { c: contrast(1.1), C: contrast(1 / 1.1) }],
    [["L"], "next look", { l: () => store.set({ look: after(looks, store.state.look) }) }],
    [["0"], "reset the light", { 0: () => store.set({ exposure: 0, contrast: 1, opacity: 1 }) }],
  ];
}

function working({ map, store, source, drawing }) {
  const read = () => store.set({ at: toLonLat(map.getView().getCenter()), tab: "point" });
  const corner = () => { if (drawing.active) drawing.enter(); else read(); };
  const begin = kind => () => { if (source.output !== null) drawing.begin(kind); };
  return [
    [["I"], "reflectance at the centre", { i: read }],
    [["D"], "draw a box", { d: begin("box") }],
    [["P"], "draw a polygon", { p: begin("polygon") }],
    [["V"], "take the view as the area", { v: begin("view") }],
    [["Enter"], "set a corner at the cross while drawing; otherwise as I", { Enter: corner }],
    [["Backspace"], "while drawing: take a corner back", { Backspace: () => { if (drawing.active) drawing.undo(); } }],
    [["Escape"], "end drawing", { Escape: () => drawing.cancel() }],
    [["?"], "show these keys", { "?": () => find("keys").showModal() }],
  ];
}
