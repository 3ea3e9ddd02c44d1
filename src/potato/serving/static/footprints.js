/** Footprints of all tiles: outlines on the map, and what is said of those under the pointer. */

import {
  Fill, GeoJSON, Stroke, Style, VectorLayer, VectorSource, fromLonLat, toLonLat,
} from "./openlayers.js";
import { find } from "./dom.js";
import { matches } from "./filters.js";

const FILLED_ABOVE = 60; // metres of a pixel: smaller tiles are filled, since their outlines touch

const dark = matchMedia("(prefers-color-scheme: dark)");
const COLOURS = {
  light: { tile: "72, 84, 96", chosen: "160, 98, 0", broken: "140, 140, 140" },
  dark: { tile: "190, 198, 206", chosen: "240, 180, 80", broken: "130, 130, 130" },
};

/**
 * Show the footprints, and say what lies under the pointer of the map.
 *
 * @returns their layer, and a function to call with a tile that broke.
 */
export function showFootprints(map, store, footprints) {
  const source = new VectorSource({
    features: new GeoJSON({ featureProjection: "EPSG:3857" }).readFeatures(footprints),
  });
  for (const feature of source.getFeatures()) feature.setId(feature.get("id"));
  const layer = new VectorLayer({ source, style: styles(store), updateWhileInteracting: true });
  const redraw = () => layer.changed();
  store.watch(["from", "to", "clouds", "sensor", "passA", "passB", "mode"], redraw);
  store.watch(["footprints"], ({ footprints: shown }) => layer.setVisible(shown));
  dark.addEventListener("change", redraw);
  map.on("look", ({ coordinate }) => tellTiles(store, source, coordinate));
  const mark = tile => source.getFeatureById(tile.id)?.set("reason", tile.reason);
  return { layer, mark };
}

/** A style for each kind of footprint; those that the filters leave out have none. */
function styles(store) {
  const cache = new globalThis.Map();
  const style = (kind, width, filled) => {
    const theme = dark.matches ? "dark" : "light", key = `${theme} ${kind} ${filled}`;
    if (!cache.has(key)) {
      const colour = COLOURS[theme][kind], dashed = kind === "broken" ? [4, 4] : undefined;
      cache.set(key, new Style({
        stroke: new Stroke({ color: `rgba(${colour}, ${filled ? 0.9 : 0.6})`, width, lineDash: dashed }),
        fill: filled ? new Fill({ color: `rgba(${colour}, ${kind === "broken" ? 0.25 : 0.08})` }) : undefined,
        zIndex: kind === "chosen" ? 1 : 0,
      }));
    }
    return cache.get(key);
  };
  return (feature, resolution) => {
    const tile = feature.getProperties(), { state } = store;
    if (!matches(tile, state)) return null;
    // Where nothing else is drawn, broken tiles are filled.
    if (tile.reason) return style("broken", 1, !tile.pass || tile.pass === state.passA);
    const chosen = tile.pass === state.passA || (state.mode !== "single" && tile.pass === state.passB);
    return style(chosen ? "chosen" : "tile", chosen ? 1.25 : 0.75, resolution > FILLED_ABOVE);
  };
}

/** Say how many tiles lie at a place, and beside it why broken ones can't be shown. */
function tellTiles(store, source, coordinate) {
  const { state } = store, tip = find("tip");
  const found = state.footprints
    // Footprints are split at 180°, beyond which the map goes on.
    ? source.getFeaturesAtCoordinate(fromLonLat(toLonLat(coordinate))).map(feature => feature.getProperties()) : [];
  const tiles = found.filter(tile => matches(tile, state)), broken = tiles.filter(tile => tile.reason);
  const dates = [...new Set(tiles.filter(tile => !tile.reason && tile.date).map(tile => tile.date))].sort();
  const last = dates.length > 1 ? ` – ${dates.at(-1)}` : "";
  find("here").textContent = dates.length ? `${count(dates.length, "date")} here: ${dates[0]}${last}` : "";
  tip.hidden = !broken.length;
  tip.textContent = broken.slice(0, 3).map(tile => `${tile.quadkey || tile.id}: ${tile.reason}`).join("\n");
}

/** "1 tile", "2 tiles", "2 passes". */
export const count = (number, word) =>
  `${number.toLocaleString("en")} ${word}${number === 1 ? "" : word.endsWith("s") ? "es" : "s"}`;
