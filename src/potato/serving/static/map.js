/** The map: view, scale, graticule, zoom, and what the state keeps of them. */

import {
  Feature, Graticule, KeyboardPan, Map, Point, ScaleLine, Stroke, Style, Circle, Fill, VectorLayer, VectorSource, View,
  defaultInteractions, toLonLat,
} from "./openlayers.js";
import { writePlace } from "./coordinates.js";
import { find } from "./dom.js";
import { centreWorld, extentOf, onMap } from "./world.js";

const BEYOND = 4; // zooms beyond the finest tiles, to see their pixels
const CLOSE = 16; // zoom at which a place that was searched for is shown, if the map isn't closer
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const DURATION = calm ? 0 : 250; // ms

/** Make the map of a source; the state keeps where it is. */
export function makeMap(store, source) {
  centreWorld(source.bounds);
  const all = extentOf(source.bounds);
  const view = new View({
    center: [(all[0] + all[2]) / 2, (all[1] + all[3]) / 2], zoom: 2, minZoom: 1, maxZoom: source.maxzoom + BEYOND,
    smoothExtentConstraint: false, enableRotation: false,
  });
  const map = new Map({
    target: "map", view, layers: [], interactions: defaultInteractions({ keyboard: false }),
    controls: [new ScaleLine({ target: find("scale"), minWidth: 70 })],
  });
  const moveTo = ({ map: camera }) => {
    if (!camera) return fit(map, source.bounds, 0);
    view.setCenter(onMap([camera.lon, camera.lat]));
    view.setZoom(camera.zoom);
  };
  map.addInteraction(new KeyboardPan());
  moveTo(store.state);
  let own = null; // the camera that the map itself told the state
  map.on("moveend", () => {
    const [lon, lat] = toLonLat(view.getCenter());
    own = { zoom: view.getZoom(), lon, lat };
    store.set({ map: own });
  });
  store.watch(["map"], state => { if (state.map !== own && own) moveTo(state); });
  watchPointer(map);
  watchZoom(map, source);
  return map;
}

/** Lines of longitude and latitude, which lie below the imagery: elsewhere they'd be in the way. */
export const graticuleOf = () => new Graticule({
  className: "graticule",
  strokeStyle: new Stroke({ color: "rgba(128, 128, 128, .4)", width: 1 }),
  wrapX: false, targetSize: 160, maxResolution: 2000,
});

/** The ring around the place whose reflectance is told. */
export function placeLayer(store) {
  const places = new VectorSource();
  const ringed = (colour, width) => new Style({
    image: new Circle({ radius: 6, stroke: new Stroke({ color: colour, width }), fill: new Fill({ color: "#0000" }) }),
  });
  const layer = new VectorLayer({ source: places, style: [ringed("#000a", 4), ringed("#fff", 2)] });
  store.watch(["at"], ({ at }) => {
    places.clear();
    if (at) places.addFeature(new Feature(new Point(onMap(at))));
  });
  return layer;
}

/** Show a box of degrees as large as fits. */
export function fit(map, bounds, duration = DURATION) {
  map.getView().fit(extentOf(bounds), { padding: [40, 40, 60, 40], duration, size: map.getSize() ?? [900, 600] });
}

/** Show a place in the middle. */
export function goTo(map, lon, lat) {
  const view = map.getView();
  view.animate({ center: onMap([lon, lat]), zoom: Math.max(view.getZoom(), CLOSE), duration: DURATION });
}

/** Zoom by whole steps. */
export function zoomBy(map, step) {
  const view = map.getView();
  view.animate({ zoom: Math.round(view.getZoom() + step), duration: DURATION });
}

/** The place under the pointer or, when the keyboard moves the map, at its centre. */
function watchPointer(map) {
  const box = map.getTargetElement(), view = map.getView();
  const say = coordinate => {
    const [lon, lat] = toLonLat(coordinate);
    find("place").textContent = writePlace(lon, lat);
    map.dispatchEvent({ type: "look", coordinate });
  };
  map.on("pointermove", event => { if (!event.dragging) say(event.coordinate); });
  map.on("moveend", () => { if (box.matches(":focus-visible") || !box.matches(":hover")) say(view.getCenter()); });
  box.addEventListener("focus", () => say(view.getCenter()));
  // Sizes of panels and windows change without notice to the map.
  new ResizeObserver(() => map.updateSize()).observe(box);
}

function watchZoom(map, source) {
  for (const button of find("zoom").children) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "all") fit(map, source.bounds);
      else zoomBy(map, Number(button.dataset.zoom));
    });
  }
}
