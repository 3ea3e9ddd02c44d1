/** The list of passes by event: what each is, where it lies, and which of its tiles are broken. */

import { find, make } from "./dom.js";
import { OPEN, ORDERS, matches } from "./filters.js";
import { count } from "./footprints.js";
import { fit } from "./map.js";
import { local } from "./server.js";
import { boundsOf, meet } from "./world.js";

const RELEVANT = ["from", "to", "clouds", "sensor", "order", "inView", "passA", "passB", "mode"];

/** "2024-12-14 16:22 UTC", or what is known of it. */
export const timeOf = ({ date, time }) => (time ? `${time.slice(0, 10)} ${time.slice(11, 16)} UTC` : date ?? "no date");

const percent = clouds => (clouds === null ? null : `${Number(clouds.toFixed(1))} % clouds`);
const degrees = angle => (angle === null ? null : `${Math.round(angle)}° off-nadir`);

const sensorOf = pass => pass.sensor ?? pass.platform;
const qualityOf = pass => [percent(pass.clouds), degrees(pass.off_nadir)];

/** "WorldView-3", "2 % clouds", "12° off-nadir"; without what is unknown. */
export const factsOf = pass => [sensorOf(pass), ...qualityOf(pass)].filter(Boolean);

/** Facts that are known, with dots between them, of which none is broken into two lines. */
const line = facts => make("span", {}, ...facts.filter(Boolean)
  .flatMap((fact, at) => [at ? " · " : "", make("span", { class: "fact" }, fact)]));

/** Whether a pass has anything to show. */
export const isShown = ({ tiles, broken }) => broken < tiles;

/** Keep the list as filters, order and view say; returns a function to call when tiles broke. */
export function showPasses(map, store, source, tiles) {
  let entries, orphans;
  const build = () => {
    const broken = Map.groupBy(tiles.filter(tile => tile.reason), tile => tile.pass ?? "");
    for (const pass of source.passes) pass.broken = broken.get(pass.id)?.length ?? 0;
    entries = new Map(source.passes.map(pass => [pass.id, entry(map, store, pass, broken.get(pass.id) ?? [])]));
    orphans = orphansOf(broken.get("") ?? [], map);
  };
  const places = Map.groupBy(tiles.filter(tile => !tile.reason && tile.bounds), tile => tile.pass);
  const seenIn = (pass, view) => (places.get(pass.id) ?? []).some(tile => meet(tile.bounds, view));
  const draw = () => {
    const { state } = store, focused = document.activeElement;
    const view = state.inView ? boundsOf(map.getView().calculateExtent()) : null;
    const shown = source.passes.filter(pass => matches(pass, state) && (!view || seenIn(pass, view)))
      .sort((a, b) => isShown(b) - isShown(a) || ORDERS[state.order](a, b));
    const groups = Map.groupBy(shown, pass => pass.event ?? "");
    find("list").replaceChildren(...[...groups].flatMap(([event, passes]) => [
      ...(event || groups.size > 1 ? [make("h2", {}, event || "No event")] : []),
      make("ul", { "aria-label": event || "Passes" }, ...passes.map(pass => entries.get(pass.id).element)),
    ]), ...(orphans ? [orphans] : []));
    for (const { mark } of entries.values()) mark(state);
    tellCount(store, source.passes.length, shown.length);
    // Moving an element takes the focus from it.
    if (find("list").contains(focused)) focused.focus({ preventScroll: true });
  };
  build();
  store.watch(RELEVANT, draw);
  map.on("moveend", () => { if (store.state.inView) draw(); });
  return () => {
    build();
    draw();
  };
}

function tellCount(store, all, shown) {
  const text = shown === all ? count(all, "pass") : `${shown} of ${count(all, "pass")}`;
  const clear = shown === all ? null
    : make("button", { type: "button", onclick: () => store.set(OPEN) }, "Clear filters");
  find("found").replaceChildren(text, ...(clear ? [" ", clear] : []));
}

const hide = ({ target }) => { target.style.visibility = "hidden"; };

/** A pass: its element, and a function that marks whether it is shown. */
function entry(map, store, pass, broken) {
  const facts = [make("strong", {}, timeOf(pass)), line([sensorOf(pass), ...tilesOf(pass)]),
    line(qualityOf(pass)), make("code", {}, pass.id)];
  if (!isShown(pass)) {
    const reasons = make("ul", {}, ...broken.map(tile => make("li", {}, brokenTile(tile, map))));
    const element = make("li", { class: "useless" }, make("div", { class: "pass" }, ...facts), reasons);
    return { element, mark: () => {} };
  }
  const show = make("button", {
    type: "button", class: "pass", title: "Show as A", onclick: () => choose(map, store, pass, "A"),
  }, ...facts);
  const compare = make("button", {
    type: "button", title: "Compare as B", "aria-label": `Compare ${pass.id} as B`,
    onclick: () => choose(map, store, pass, "B"),
  }, "B");
  const zoom = make("button", {
    type: "button", title: "Zoom to it", "aria-label": `Zoom to ${pass.id}`, onclick: () => fit(map, pass.bounds),
  }, "⤢");
  const image = make("img", {
    src: local(pass.thumbnail), alt: "", loading: "lazy", width: 72, height: 72, onerror: hide,
  });
  const element = make("li", { "data-pass": pass.id }, image, show,
    make("div", { class: "acts" }, compare, zoom), brokenOf(broken, map));
  const mark = state => {
    show.setAttribute("aria-pressed", state.passA === pass.id);
    compare.setAttribute("aria-pressed", state.mode !== "single" && state.passB === pass.id);
  };
  return { element, mark };
}

/** "24 tiles", "0.5 m"; a pair or a picture has no tiles. */
const tilesOf = ({ tiles, gsd }) =>
  [tiles > 1 ? count(tiles, "tile") : null, gsd ? `${Number(gsd.toFixed(2))} m` : null];

/** Show a pass on a side, and bring it into view if it is elsewhere. */
function choose(map, store, pass, side) {
  const same = store.state[`pass${side}`] === pass.id;
  if (side === "A") store.set({ passA: same ? "" : pass.id });
  else if (same && store.state.mode !== "single") store.set({ mode: "single" });
  else store.set({ passB: pass.id, mode: store.state.mode === "single" ? "swipe" : store.state.mode });
  const view = boundsOf(map.getView().calculateExtent());
  if (!meet(pass.bounds, view)) fit(map, pass.bounds);
}

/** The broken tiles of a pass. */
function brokenOf(tiles, map) {
  if (!tiles.length) return null;
  return make("details", {}, make("summary", {}, `${count(tiles.length, "tile")} can't be shown`),
    make("ul", {}, ...tiles.map(tile => make("li", {}, brokenTile(tile, map)))));
}

/** A broken tile and its reason: it can have the focus, and goes to its place if that is known. */
const brokenTile = (tile, map) => make("button", {
  type: "button", class: "broken", onclick: () => { if (tile.bounds) fit(map, tile.bounds); },
}, `${tile.quadkey || tile.id}: ${tile.reason}`);

/** Broken tiles that belong to no pass that can be shown. */
function orphansOf(tiles, map) {
  if (!tiles.length) return null;
  const element = brokenOf(tiles, map);
  element.className = "orphans";
  element.firstChild.textContent = `${count(tiles.length, "more tile")} can't be shown`;
  return element;
}
