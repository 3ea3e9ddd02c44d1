/**
 * Drawing an area: a box or a polygon, by pointer or by keyboard.
 *
 * A box is dragged, or two of its corners are clicked. A polygon's corners are clicked; a double
 * click, or a click on the first corner, ends it. With the keyboard, Enter sets a corner at the
 * centre of the map, and Enter again at the same place ends a polygon.
 */

import {
  Feature, Fill, Interaction, LineString, Polygon, Stroke, Style, VectorLayer, VectorSource, getArea, toLonLat,
} from "./openlayers.js";
import { find } from "./dom.js";
import { onMap, turned } from "./world.js";

const NEAR = 8; // pixels within which two places are one

const HINTS = {
  box: "Drag a box, or click two of its corners. Enter sets a corner at the cross, Escape ends.",
  polygon: "Click the corners; a double click ends the polygon. Enter sets a corner at the cross, twice ends it.",
};

const STYLE = [
  new Style({ stroke: new Stroke({ color: "rgba(0, 0, 0, .6)", width: 4 }) }),
  new Style({ stroke: new Stroke({ color: "#fff", width: 2 }), fill: new Fill({ color: "rgba(255, 255, 255, .08)" }) }),
];

/** The corners of a box of two opposite ones. */
const boxOf = ([west, south], [east, north]) => [[west, south], [east, south], [east, north], [west, north]];

/** Draws areas on the map, and keeps the finished one in the state. */
export class Drawing {
  #map;
  #store;
  #source = new VectorSource();
  #kind = null;
  #corners = [];
  #dragged = null;

  constructor(map, store) {
    this.#map = map;
    this.#store = store;
    this.layer = new VectorLayer({ source: this.#source, style: STYLE, updateWhileInteracting: true });
    map.addInteraction(new Interaction({ handleEvent: event => this.#handle(event) }));
    map.getView().on("change:center", () => this.#move(map.getView().getCenter()));
    store.watch(["area"], () => this.#draw());
  }

  /** Whether an area is being drawn. */
  get active() {
    return this.#kind !== null;
  }

  /** Begin a `box` or a `polygon`, or take the whole `view`. */
  begin(kind) {
    if (kind === "view") {
      const [west, south, east, north] = this.#map.getView().calculateExtent();
      return this.#finish(boxOf([west, south], [east, north]));
    }
    this.#set(kind);
    find("map").focus({ preventScroll: true });
    return undefined;
  }

  /** Draw no longer. */
  cancel() {
    this.#set(null);
  }

  /** Set a corner at the centre of the map. */
  enter() {
    this.#corner(this.#map.getView().getCenter());
  }

  /** Take the last corner back. */
  undo() {
    this.#corners.pop();
    this.#draw();
  }

  #set(kind) {
    this.#kind = kind;
    this.#corners = [];
    this.#dragged = null;
    find("map").dataset.drawing = kind ?? "";
    find("hint").hidden = !kind;
    find("hint").textContent = kind ? HINTS[kind] : "";
    for (const button of document.querySelectorAll("[data-draw]")) {
      button.setAttribute("aria-pressed", button.dataset.draw === kind);
    }
    this.#draw();
  }

  #near(a, b) {
    const [p, q] = [a, b].map(place => this.#map.getPixelFromCoordinate(place));
    return Math.hypot(p[0] - q[0], p[1] - q[1]) < NEAR;
  }

  /** True lets the map handle an event, too. */
  #handle({ type, coordinate }) {
    if (!this.active) return true;
    if (this.#kind === "box") return this.#handleBox(type, coordinate);
    if (type === "click") this.#corner(coordinate);
    if (type === "pointermove") this.#move(coordinate);
    return type !== "dblclick" && type !== "click" && type !== "singleclick";
  }

  #handleBox(type, coordinate) {
    if (type === "pointerdown") this.#dragged = coordinate;
    else if (type === "pointermove") this.#move(coordinate);
    else if (type === "pointerdrag" && this.#dragged) {
      if (!this.#corners.length) this.#corners = [this.#dragged];
      this.#move(coordinate);
    } else if (type === "pointerup" && this.#dragged) {
      const [first] = this.#corners;
      this.#dragged = null;
      if (first && !this.#near(first, coordinate)) this.#finish(boxOf(first, coordinate));
      else this.#corners = [coordinate];
    }
    return !type.startsWith("pointer") && !type.endsWith("click");
  }

  #corner(coordinate) {
    const corners = this.#corners;
    if (this.#kind === "box") {
      if (corners.length && !this.#near(corners[0], coordinate)) return this.#finish(boxOf(corners[0], coordinate));
      this.#corners = [coordinate];
    } else {
      const ends = [corners.at(-1), corners[0]].some(end => end && this.#near(end, coordinate));
      if (ends && corners.length >= 3) return this.#finish(corners);
      if (!corners.length || !this.#near(corners.at(-1), coordinate)) corners.push(coordinate);
    }
    this.#move(coordinate);
    return undefined;
  }

  /** The shape so far, with its next corner here. */
  #move(coordinate) {
    if (!this.active || !this.#corners.length || !coordinate) return;
    this.#draw(this.#kind === "box" ? boxOf(this.#corners[0], coordinate) : [...this.#corners, coordinate]);
  }

  #finish(corners) {
    const [wests, norths] = [0, 1].map(axis => corners.map(corner => corner[axis]));
    if (Math.min(...wests) === Math.max(...wests) || Math.min(...norths) === Math.max(...norths)) return;
    this.#set(null);
    this.#store.set({ area: corners.map(corner => toLonLat(corner)), tab: "sharpen" });
  }

  #draw(corners = this.#corners) {
    const { area } = this.#store.state, shown = this.active ? corners : (area ?? []).map(onMap);
    this.#source.clear();
    if (shown.length > 2) this.#source.addFeature(new Feature(new Polygon([[...shown, shown[0]]])));
    else if (shown.length === 2) this.#source.addFeature(new Feature(new LineString(shown)));
  }
}

/** A GeoJSON polygon of an area's corners, and its square kilometres. */
export function polygonOf(corners) {
  const ring = [...corners, corners[0]].map(([lon, lat]) => [turned(lon), lat]);
  const geometry = { type: "Polygon", coordinates: [ring] }, shape = new Polygon([ring.map(onMap)]);
  return { geometry, area: getArea(shape) / 1e6 };
}
