/** Starts the page: asks what the server has, then connects the parts with one state. */

import { connectChoices, viewsOf } from "./choices.js";
import { connectComparison } from "./compare.js";
import { find, tell } from "./dom.js";
import { Drawing } from "./drawing.js";
import { connectFilters } from "./filters.js";
import { count, showFootprints } from "./footprints.js";
import { showImagery } from "./imagery.js";
import { Jobs, picturesOf } from "./jobs.js";
import { connectKeys } from "./keys.js";
import { graticuleOf, makeMap, placeLayer } from "./map.js";
import { toLonLat } from "./openlayers.js";
import { connectPanel } from "./panel.js";
import { isShown, showPasses } from "./passes.js";
import { showPoint } from "./point.js";
import { connectSearch } from "./search.js";
import { ask } from "./server.js";
import { shortcuts } from "./shortcuts.js";
import { Store } from "./state.js";
import { meet } from "./world.js";

const SELDOM = 20_000; // ms between two looks at what is broken

/** A state without what the source doesn't have, and with its own choices where none is made. */
function settle(state, source) {
  const names = list => list.map(({ name }) => name), ids = source.passes.filter(isShown).map(({ id }) => id);
  const looks = names(source.looks), weights = names(source.weights);
  const known = (value, list, otherwise = "") => (list.includes(value) ? value : otherwise);
  const first = list => list[0] ?? "", best = ids.length === 1 ? ids[0] : "";
  const made = state.pictures.map(({ id }) => `picture:${id}`), pass = value => known(value, [...ids, ...made], best);
  const passA = pass(state.passA), passB = pass(state.passB);
  const view = (value, usual, shown) => {
    const own = viewsOf(source, shown).map(({ name }) => name);
    return known(value, own, known(usual, own, first(own)));
  };
  return {
    ...state,
    passA, passB,
    viewA: view(state.viewA, "sharp", passA),
    viewB: view(state.viewB, "plain", passB),
    weightsA: known(state.weightsA, weights, first(weights)),
    weightsB: known(state.weightsB, weights, first(weights)),
    look: known(state.look, looks, first(looks)),
    sensor: known(state.sensor, source.passes.map(({ sensor }) => sensor)),
  };
}

/** Tiles with their boxes of degrees; nobody knows where some broken ones lie. */
function tilesOf(footprints) {
  return footprints.features.map(({ geometry, properties }) => {
    if (!geometry) return { ...properties, bounds: null };
    const split = geometry.type === "MultiPolygon"; // at 180°
    const corners = geometry.coordinates.flat(split ? 2 : 1), lats = corners.map(corner => corner[1]);
    const lons = corners.map(([lon]) => (split && lon < 0 ? lon + 360 : lon));
    return { ...properties, bounds: [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)] };
  });
}

function introduce(source, tiles) {
  const broken = tiles.filter(({ reason }) => reason).length;
  document.title = `${source.title} – Potato`;
  find("title").textContent = source.title;
  find("summary").textContent = [
    count(source.passes.length, "pass"), tiles.length > 1 ? count(tiles.length, "tile") : null,
    broken ? `${broken} can't be shown` : null,
  ].filter(Boolean).join(" · ");
  find("attribution").textContent = source.attribution ?? "";
  find("software").textContent = `QGIS and other programs take the map as a layer: ${new URL("wmts", document.baseURI)}
(WMTS). Potato ${source.version}. The map is OpenLayers, under the licence beside it.`;
}

/** Files may turn out to be broken when they are first read: ask again, but seldom. */
function watchFaults(map, tiles, act) {
  let last = Date.now();
  map.on("loadend", async () => {
    if (Date.now() - last < SELDOM) return;
    last = Date.now();
    const now = await ask("footprints.geojson").catch(() => ({ features: [] }));
    const reasons = new Map(now.features.map(({ properties }) => [properties.id, properties.reason]));
    const changed = tiles.filter(tile => reasons.has(tile.id) && reasons.get(tile.id) !== tile.reason);
    for (const tile of changed) tile.reason = reasons.get(tile.id);
    if (changed.length) act(changed);
  });
}

/** After a choice with the pointer, the keys of the map work at once. */
function returnFocus() {
  const leave = target => { if (!target.matches(":focus-visible")) find("map").focus({ preventScroll: true }); };
  find("stage").addEventListener("change", ({ target }) => { if (target.matches("select")) leave(target); });
  find("stage").addEventListener("click", ({ target, detail }) => {
    if (detail && target.matches("button")) leave(target);
  });
}

/** Connect everything. */
async function start() {
  const [source, footprints] = await Promise.all([ask("source.json"), ask("footprints.geojson")]);
  const jobs = source.output === null ? [] : await ask("jobs");
  const tiles = tilesOf(footprints), store = new Store(state => settle(state, source), picturesOf(jobs));
  introduce(source, tiles);
  connectPanel(store);
  const map = makeMap(store, source);
  const { layer: outlines, mark } = showFootprints(map, store, footprints), drawing = new Drawing(map, store);
  const graticule = graticuleOf(), places = placeLayer(store);
  const imagery = showImagery(map, store, source);
  for (const layer of [graticule, ...imagery, outlines, drawing.layer, places]) map.addLayer(layer);
  connectFilters(store, source.passes);
  connectChoices(store, source);
  connectComparison(store);
  const rebuild = showPasses(map, store, source, tiles);
  watchFaults(map, tiles, changed => {
    changed.forEach(mark);
    rebuild();
  });
  showPoint(store, (lon, lat, pass) =>
    tiles.filter(tile => (!pass || tile.pass === pass) && tile.bounds && meet(tile.bounds, [lon, lat, lon, lat])));
  connectSearch(map, store, source, tiles);
  new Jobs(map, store, source, drawing).show(jobs);
  returnFocus();
  connectKeys(shortcuts({ map, store, source, drawing }));
  map.on("singleclick", ({ coordinate }) => {
    if (!drawing.active) store.set({ at: toLonLat(coordinate), tab: "point" });
  });
  map.once("rendercomplete", () => { document.body.dataset.ready = "yes"; });
}

start().catch(error => tell(error.message, true));
