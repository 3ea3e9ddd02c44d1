/** The search field: a pass by its CID, a tile by its quadkey, a place by its coordinates. */

import { find, make } from "./dom.js";
import { readPlace, writePlace } from "./coordinates.js";
import { fit, goTo } from "./map.js";
import { isShown } from "./passes.js";

const NOTHING =
  "No pass or tile has this name, and it is no place, such as 12.42, −86.54 or 12°25′12″N 86°32′24″W.";
const MOST = 6; // passes that are listed while one types

/** Connect the field with the map. */
export function connectSearch(map, store, source, tiles) {
  const field = find("query"), box = find("read");
  let first = null;
  const read = () => {
    const found = look(field.value.trim(), source.passes, tiles);
    first = found.acts[0]?.act ?? null;
    box.replaceChildren(...(found.note ? [found.note] : []), ...found.acts.map(({ text, act }) =>
      make("button", { type: "button", onclick: () => act(map, store) }, text)));
  };
  field.addEventListener("input", read);
  field.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    field.value = "";
    read();
    find("map").focus();
  });
  find("search").addEventListener("submit", event => {
    event.preventDefault();
    read();
    if (!first) return;
    first(map, store);
    find("map").focus();
  });
}

/** What a text may mean: a note, and what can be done, the likeliest first. */
function look(text, passes, tiles) {
  if (!text) return { note: "", acts: [] };
  try {
    const place = readPlace(text);
    if (place) return { note: `Read ${place.note}:`, acts: [place, place.other].filter(Boolean).map(placeAct) };
  } catch (error) {
    return { note: error.message, acts: [] };
  }
  const wanted = text.toLowerCase(), has = value => value?.toLowerCase().includes(wanted);
  const acts = passes.filter(pass => isShown(pass) && [pass.id, pass.title, pass.event].some(has))
    .slice(0, MOST).map(passAct);
  const named = ({ quadkey, bounds }) => bounds && quadkey?.startsWith(text);
  const tile = /^[0-3]{6,}$/.test(text) && tiles.find(named);
  if (tile) acts.push({ text: `Tile ${tile.quadkey}`, act: map => fit(map, tile.bounds) });
  return { note: acts.length ? "" : NOTHING, acts };
}

const placeAct = ({ lon, lat }) => ({
  text: writePlace(lon, lat),
  act: (map, store) => {
    store.set({ at: [lon, lat] });
    goTo(map, lon, lat);
  },
});

const passAct = pass => ({
  text: [pass.date, pass.id].filter(Boolean).join(" · "),
  act: (map, store) => {
    store.set({ passA: pass.id });
    fit(map, pass.bounds);
  },
});
