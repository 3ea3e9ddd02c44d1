/** The reflectance at a place: a bar for each band, the colour, and which pass saw it when. */

import { find, make } from "./dom.js";
import { writePlace } from "./coordinates.js";
import { timeOf } from "./passes.js";
import { ask, chosen } from "./server.js";

const FULL = 0.6; // reflectance of a whole bar; brighter ones stop there

/** Ask for a place whenever the state names another one; `tilesAt` gives the tiles there, of a pass or of all. */
export function showPoint(store, tilesAt) {
  let latest = 0;
  store.watch(["at", "passA", "from", "to", "clouds", "sensor"], async state => {
    const box = find("point"), number = ++latest;
    if (!state.at) return box.replaceChildren(advice());
    const [lon, lat] = state.at, picture = state.passA.startsWith("picture:");
    const query = new URLSearchParams({ lon, lat, ...chosen(state, picture ? "" : state.passA) });
    const head = make("h2", {}, writePlace(lon, lat));
    const tiles = tilesAt(lon, lat, picture ? "" : state.passA);
    if (tiles.every(({ reason }) => reason)) {
      return box.replaceChildren(head, make("p", {}, tiles.length ? whyNone(tiles) : "No tile lies here."), forget(store));
    }
    try {
      const found = await ask(`point?${query}`);
      if (number === latest) box.replaceChildren(head, ...describe(found), forget(store));
    } catch (error) {
      if (number === latest) box.replaceChildren(head, make("p", {}, error.message), forget(store));
    }
    return undefined;
  });
}

const advice = () => make("p", { class: "soft" },
  "Click the map, or press I to take its centre: here you see the reflectance of every band there.");
const whyNone = ([{ id, quadkey, reason }]) => `The tile here can't be read. ${quadkey || id}: ${reason}`;
const forget = store => make("button", { type: "button", onclick: () => store.set({ at: null }) }, "Clear");

function describe(found) {
  const facts = [
    ["Pass", found.pass], ["Sensor", found.sensor], ["Seen", (found.time ?? found.date) && timeOf(found)], ["Tile", found.quadkey],
    ...(found.arrays ?? []).map(lie),
  ];
  return [
    found.colour ? swatch(found.colour) : null,
    found.reflectance ? bands(found) : null,
    make("dl", {}, ...facts.filter(([, value]) => value)
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
  ].filter(Boolean);
}

function swatch({ hex, oklab }) {
  const colour = make("span", { class: "swatch" });
  if (/^#[0-9a-f]{6}$/i.test(hex)) colour.style.background = hex;
  const numbers = oklab?.map(number => number.toFixed(3).replace("-", "−")).join(", ");
  return make("p", { class: "colour" }, colour, make("code", {}, hex), numbers ? ` Oklab ${numbers}` : "");
}

function bands({ reflectance, counts }) {
  const row = ([name, value]) => {
    const bar = make("span", { class: "bar" });
    bar.style.inlineSize = `${100 * Math.min(1, Math.max(0, value ?? 0) / FULL)}%`;
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "chart" }, bar),
      make("td", {}, value === null ? "–" : value.toFixed(4)),
      make("td", {}, counts?.[name] === undefined || counts[name] === null ? "–" : String(counts[name])));
  };
  const heads = ["Band", "", "Reflectance", "Counts"];
  return make("table", {}, make("thead", {}, make("tr", {}, ...heads.map(head =>
    (head ? make("th", { scope: "col" }, head) : make("td"))))),
  make("tbody", {}, ...Object.entries(reflectance).map(row)));
}

/** Where a band array lies against pan. */
function lie({ bands: names, down, right }) {
  const part = (number, positive, negative) => `${Math.abs(number).toFixed(2)} ${number < 0 ? negative : positive}`;
  const place = `${part(down, "down", "up")}, ${part(right, "right", "left")} (mul pixels from pan)`;
  return ["Array", `${names.join(", ")}: ${place}`];
}
