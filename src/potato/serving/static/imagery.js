/**
 * The imagery of the map: sides A and B, each of two layers.
 *
 * When a side should show something else, its hidden layer loads it, and both change places when all
 * is there: nothing flickers, and two dates can be compared by eye. Clipping, blinking and fading
 * are styles of the layers' elements (`page.css`).
 */

import { TileLayer, XYZ } from "./openlayers.js";
import { find, tell } from "./dom.js";
import { previewFilter } from "./preview.js";
import { tilesOf, whyNot } from "./server.js";
import { extentOf } from "./world.js";

const PATIENCE = 2500; // ms until a layer shows that hasn't loaded everything

/** One side: shows the web tiles of an address. */
class Side {
  #box;
  #name;
  #options;
  #layers;
  #front = 0;
  #url = null;
  #light = null; // exposure, contrast and tone curve of what the front layer shows
  #wanted = null; // and of what it should show
  #change = null;
  #timer = null;

  constructor(map, name, { bounds, minzoom, maxzoom }) {
    this.map = map;
    this.#box = map.getTargetElement();
    this.#name = name;
    // Dense screens get tiles of the next zoom, at half the size.
    const ratio = devicePixelRatio >= 1.5 ? 2 : 1;
    this.#options = {
      minZoom: minzoom, maxZoom: maxzoom, transition: 0, tileSize: 256 / ratio, tilePixelRatio: ratio,
    };
    this.#layers = [0, 1].map(number => new TileLayer({
      className: `imagery ${name} ${name}${number}`, extent: extentOf(bounds), visible: false, cacheSize: 512,
    }));
    this.#mark();
  }

  get layers() {
    return this.#layers;
  }

  /** Show the tiles of an address that gives them in some light; no address shows nothing. */
  show(url, light) {
    if (url === this.#url) return;
    this.#url = url;
    this.#wanted = light;
    this.#change = null;
    clearTimeout(this.#timer);
    const front = this.#layers[this.#front], back = this.#layers[1 - this.#front];
    if (url === null) return this.#layers.forEach(empty);
    const first = !front.getVisible();
    back.setSource(this.#open(url));
    back.setVisible(true);
    const change = () => {
      if (this.#change !== change) return;
      this.#change = null;
      clearTimeout(this.#timer);
      empty(front);
      this.#front = 1 - this.#front;
      this.#light = light;
      this.#mark();
      this.preview(this.#wanted);
    };
    this.#change = change;
    if (first) return change();
    this.map.once("rendercomplete", change);
    this.#timer = setTimeout(change, PATIENCE);
  }

  /** Until other tiles are there, show these about as they would look in some light. */
  preview(light) {
    this.#wanted = light;
    const filter = this.#light && previewFilter(`preview-${this.#name}`, this.#light, light);
    this.#box.style.setProperty(`--preview-${this.#name}`, filter ?? "none");
  }

  #open(url) {
    const source = new XYZ({ url, ...this.#options });
    source.once("tileloaderror", async ({ tile }) => {
      const address = source.getTileUrlFunction()(tile.getTileCoord(), 1, source.getProjection());
      const reason = await whyNot(address);
      if (reason) tell(reason, true);
    });
    return source;
  }

  #mark() {
    this.#box.dataset[`front${this.#name.toUpperCase()}`] = this.#front;
  }
}

function empty(layer) {
  layer.setVisible(false);
  layer.setSource(null);
}

const SHOWN = ["pass", "view", "weights"];
const FILTERS = ["from", "to", "clouds", "sensor"];
const SLIDERS = ["exposure", "contrast", "clouds"];
const KEYS = [
  "mode", "look", "exposure", "contrast", "pictures", ...FILTERS, ...["A", "B"].flatMap(side => SHOWN.map(key => key + side)),
];
const SETTLED = 250; // ms after the last movement of a slider

/** Exposure and contrast of the state, with the tone curve on which they act for a side. */
function lightOf(state, side, looks) {
  const { exposure, contrast } = state, look = looks.find(({ name }) => name === state.look);
  const finished = state[`pass${side}`].startsWith("picture:") || state[`view${side}`] === "picture";
  const curved = look?.exposure && !finished;
  return { exposure, contrast, curve: curved ? { exposure: look.exposure, contrast: look.contrast } : null };
}

/** Put A and B on the map, and keep them as the state says. */
export function showImagery(map, store, source) {
  const sides = { A: new Side(map, "a", source), B: new Side(map, "b", source) };
  let timer = null;
  const show = () => {
    const { state } = store;
    for (const [name, side] of Object.entries(sides)) {
      const hidden = name === "B" && state.mode === "single";
      side.show(hidden ? null : tilesOf(state, name), lightOf(state, name, source.looks));
    }
  };
  store.watch(KEYS, (state, changed) => {
    clearTimeout(timer);
    const sliding = changed.every(key => SLIDERS.includes(key));
    if (!sliding) return show();
    for (const [name, side] of Object.entries(sides)) side.preview(lightOf(state, name, source.looks));
    timer = setTimeout(show, SETTLED);
  });
  const box = map.getTargetElement();
  store.watch(["opacity"], ({ opacity }) => box.style.setProperty("--opacity", opacity));
  showProgress(map);
  return [...sides.A.layers, ...sides.B.layers];
}

/** A line above the map while tiles are on their way. */
function showProgress(map) {
  const line = find("loading");
  map.on("loadstart", () => { line.hidden = false; });
  map.on("loadend", () => { line.hidden = true; });
}
