// The viewer of a report: two panes that show layers, stacked (swipe, blink) or side by side.
const data = JSON.parse(document.getElementById("data").textContent);
const [HEIGHT, WIDTH] = data.size;
const [TOP, LEFT, TALL, WIDE] = data.window;
const WHOLE = new OpenSeadragon.Rect(0, 0, 1, HEIGHT / WIDTH);
const WINDOW = new OpenSeadragon.Rect(LEFT / WIDTH, TOP / WIDTH, WIDE / WIDTH, TALL / WIDTH);
const PARTIAL = TALL < HEIGHT || WIDE < WIDTH;
const MAX_MAGNIFICATION = 16;
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const find = id => document.getElementById(id);
const stage = find("stage"), auto = find("auto");
const sides = ["left", "right"];
const viewers = sides.map(side => OpenSeadragon({
  element: find(side),
  drawer: "canvas",
  showNavigationControl: false,
  keyboardNavEnabled: false,
  tabIndex: -1,
  animationTime: calm ? 0 : 0.4,
  visibilityRatio: 0.2,
  minZoomImageRatio: 0.5,
  maxImageCacheCount: 1000,
  // Smooth edges would smooth the pixels that `follow` shows as squares.
  smoothTileEdgesMinZoom: Infinity,
  preserveImageSizeOnResize: true,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  gestureSettingsTouch: { pinchRotate: false },
}));
// For each pane: the index of the layer that it shows, and the images of all layers.
const shown = [...data.start], images = viewers.map(() => data.layers.map(() => []));
let leader = viewers[0];

// ---- Layers

function pyramid(layer, name) {
  const { height, width, levels } = layer;
  const source = new OpenSeadragon.TileSource({
    height, width, tileSize: data.tile, tileOverlap: 0, minLevel: 0, maxLevel: levels.length - 1,
  });
  source.getTileUrl = (level, x, y) => levels[level][y][x];
  // By default the keys of the cache would be whole data URLs.
  source.getTileHashKey = (level, x, y) => `${name}/${level}/${y}/${x}`;
  // Images that may be transparent are drawn through a second image, which is always smoothed.
  source.hasTransparency = () => false;
  return source;
}

function placeOf({ row, column, step, height, width }) {
  return new OpenSeadragon.Rect(column / WIDTH, row / WIDTH, width * step / WIDTH, height * step / WIDTH);
}

function add(side, index, part, place) {
  const source = pyramid(data.layers[index][part], `${index}/${part}`);
  return new Promise((done, failed) => viewers[side].addTiledImage({
    tileSource: source, x: place.x, y: place.y, width: place.width, preload: true, opacity: 0,
    success: event => { images[side][index].push(event.item); done(); },
    error: failed,
  }));
}

function show(side, index) {
  if (!(index in data.layers)) return;
  shown[side] = index;
  images[side].forEach((items, at) => items.forEach(item => item.setOpacity(at === index ? 1 : 0)));
  find(`choose-${sides[side]}`).value = index;
  find(`${sides[side]}-name`).textContent = data.layers[index].name;
  find("scale").hidden = !shown.some(at => data.layers[at].scale);
}

// ---- Moving: one pane leads, the other follows in the same frame

const density = () => window.devicePixelRatio || 1;
/** Screen pixels along a pixel of the picture: now, or at the end of a movement. */
const magnification = (now = true) =>
  leader.viewport.getZoom(now) * leader.viewport.getContainerSize().x / WIDTH * density();
const zoomOf = times => times * WIDTH / (leader.viewport.getContainerSize().x * density());

function follow() {
  const scale = magnification(), smooth = scale < 1;
  // Above 1:1 pixels are squares; below, they are averaged.
  for (const one of viewers) {
    if (one.smooth !== smooth) one.drawer.setImageSmoothingEnabled(smooth);
    one.smooth = smooth;
  }
  stage.dataset.magnification = scale;
  tell();
  const { viewport } = leader, other = viewers[1 - viewers.indexOf(leader)].viewport;
  viewport.maxZoomLevel = other.maxZoomLevel = zoomOf(MAX_MAGNIFICATION);
  other.zoomTo(viewport.getZoom(true), null, true);
  other.panTo(viewport.getCenter(true), true);
}

function lead(viewer) {
  leader = stage.dataset.mode === "side" ? viewer : viewers[0];
}

function zoomBy(factor) {
  const next = 2 ** Math.round(Math.log2(magnification(false) * factor));
  leader.viewport.zoomTo(zoomOf(Math.min(MAX_MAGNIFICATION, next)));
  leader.viewport.applyConstraints();
}

function zoomTo(name) {
  if (name === "whole") leader.viewport.fitBounds(WHOLE);
  else if (name === "window") leader.viewport.fitBounds(WINDOW);
  else leader.viewport.zoomTo(zoomOf(Number(name)));
}

let pointer = null;
function tell() {
  const scale = magnification();
  const size = scale >= 0.995 ? `${+scale.toFixed(1)}×` : `1:${+(1 / scale).toFixed(1)}`;
  let place = "";
  if (pointer) {
    const { x, y } = leader.viewport.pointFromPixel(pointer, true);
    const row = Math.floor(y * WIDTH), column = Math.floor(x * WIDTH);
    if (row >= 0 && column >= 0 && row < HEIGHT && column < WIDTH) place = `row ${row}, column ${column} · `;
  }
  find("place").textContent = place + size;
}

// ---- Ways to compare

function setMode(mode) {
  stage.dataset.mode = mode;
  stage.dataset.front = "right";
  lead(viewers[0]);
  for (const button of document.querySelectorAll("[data-mode][aria-pressed]")) {
    button.setAttribute("aria-pressed", button.dataset.mode === mode);
  }
  if (mode !== "blink") setAuto(false);
}

const placeDivider = connectDivider(find("divider"), setSplit);
let split = 0.5;
function setSplit(share) {
  split = Math.min(1, Math.max(0, share));
  placeDivider(split);
}
const moveSplit = by => setSplit(split + by);

function blink() {
  if (stage.dataset.mode !== "blink") setMode("blink");
  stage.dataset.front = stage.dataset.front === "left" ? "right" : "left";
}

let timer = null;
function setAuto(on) {
  clearInterval(timer);
  auto.checked = on;
  if (!on) return;
  if (stage.dataset.mode !== "blink") setMode("blink");
  timer = setInterval(blink, 700);
}

function exchange() {
  const [left, right] = shown;
  show(0, right);
  show(1, left);
}

// ---- Controls

const KEYS = {
  s: () => setMode("swipe"), b: blink, d: () => setMode("side"), " ": blink, p: () => setAuto(!auto.checked),
  "[": () => moveSplit(-0.02), "]": () => moveSplit(0.02), x: exchange,
  "+": () => zoomBy(2), "=": () => zoomBy(2), "-": () => zoomBy(0.5),
  z: () => zoomTo("1"), w: () => zoomTo("window"), f: () => zoomTo("whole"),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.closest("select, input") || (event.key === " " && target.closest("button, summary"))) return;
  const digit = /^Digit([1-9])$/.exec(event.code), key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (digit) show(event.shiftKey ? 0 : 1, Number(digit[1]) - 1);
  else if (key in KEYS) KEYS[key]();
  else if (key in ARROWS && stage.contains(target)) {
    const [x, y] = ARROWS[key];
    leader.viewport.panBy(leader.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(60 * x, 60 * y)));
    leader.viewport.applyConstraints();
  } else return;
  event.preventDefault();
});

for (const button of document.querySelectorAll("#tools button")) {
  button.addEventListener("click", event => {
    if (button.dataset.mode) setMode(button.dataset.mode);
    else if (button.dataset.zoom) zoomTo(button.dataset.zoom);
    else exchange();
    // After a click with the mouse, the keys of the stage work at once.
    if (event.detail) stage.focus({ preventScroll: true });
  });
}
auto.addEventListener("change", () => setAuto(auto.checked));

viewers.forEach((viewer, side) => {
  const pane = find(sides[side]);
  for (const kind of ["pointerdown", "pointerenter", "wheel"]) {
    pane.addEventListener(kind, () => lead(viewer), { capture: true, passive: true });
  }
  pane.addEventListener("pointermove", event => {
    const box = pane.getBoundingClientRect();
    pointer = new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top);
    tell();
  });
  pane.addEventListener("pointerleave", () => { pointer = null; tell(); });
  // After a resize the pane that follows has moved without the leader.
  viewer.addHandler("resize", () => { viewer.resized = true; });
  viewer.addHandler("viewport-change", () => {
    if (viewer === leader || viewer.resized) follow();
    viewer.resized = false;
  });
  const choice = find(`choose-${sides[side]}`);
  data.layers.forEach((layer, index) => choice.append(new Option(`${index + 1} ${layer.name}`, index)));
  choice.addEventListener("change", () => show(side, Number(choice.value)));
});

// ---- Begin

async function begin() {
  for (const side of [0, 1]) {
    // In order, so that each window lies above its overview.
    for (const index of data.layers.keys()) {
      const around = data.layers[index].overview;
      if (around) await add(side, index, "overview", placeOf(around));
      await add(side, index, "window", WINDOW);
    }
    if (PARTIAL) {
      const frame = document.createElement("div");
      frame.className = "window";
      viewers[side].addOverlay({ element: frame, location: WINDOW });
    }
    show(side, shown[side]);
  }
  find("stage").dataset.front = "right";
  document.querySelector("[data-zoom=window]").hidden = !PARTIAL;
  setSplit(0.5);
  viewers[0].viewport.fitBounds(WINDOW, true);
  follow();
  stage.dataset.ready = "yes";
}
begin();
