/** Pictures made of areas: ordering one, its progress, the finished file. */

import { find, make, tell } from "./dom.js";
import { polygonOf } from "./drawing.js";
import { fit } from "./map.js";
import { ask, chosen, local } from "./server.js";

const OFTEN = 700; // ms between two looks at jobs that are at work
const BUSY = ["waiting", "running"];

const WORDS = { waiting: "waiting", running: "at work", done: "done", failed: "failed", cancelled: "cancelled" };

/** "12.3 MB". */
export function sizeOf(bytes) {
  const step = Math.min(4, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${Number((bytes / 1000 ** step).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** The list of jobs, and the form that orders one. */
export class Jobs {
  #map;
  #store;
  #source;
  #timer = null;

  constructor(map, store, source, drawing) {
    this.#map = map;
    this.#store = store;
    this.#source = source;
    find("drawing").hidden = source.output === null;
    for (const button of document.querySelectorAll("[data-draw]")) {
      button.addEventListener("click", () => {
        if (button.getAttribute("aria-pressed") === "true") drawing.cancel();
        else drawing.begin(button.dataset.draw);
      });
    }
    find("order-form").addEventListener("submit", event => { event.preventDefault(); this.#order(); });
    find("clear-area").addEventListener("click", () => store.set({ area: null }));
    store.watch(["area", "passA", "look", "weightsA"], state => this.#describe(state));
  }

  /** Show a list of jobs, and ask for it again while something is at work. */
  show(list) {
    this.#draw(list);
    clearTimeout(this.#timer);
    if (list.some(({ state }) => BUSY.includes(state))) this.#timer = setTimeout(() => this.refresh(), OFTEN);
  }

  /** Ask for the list. */
  async refresh() {
    try {
      this.show(await ask("jobs"));
    } catch (error) {
      tell(error.message, true);
    }
  }

  #describe({ area, passA, look, weightsA }) {
    find("order-form").hidden = !area;
    if (!area) return;
    const pass = this.#source.passes.find(({ id }) => id === passA);
    const title = list => name => list.find(one => one.name === name)?.title;
    const size = polygonOf(area).area, gsd = pass?.gsd;
    const pixels = gsd ? ` · ${Number((size / gsd ** 2).toPrecision(2)).toLocaleString("en")} megapixels` : "";
    find("area-facts").textContent = [
      `${Number(size.toPrecision(3)).toLocaleString("en")} km²${pixels}`,
      pass ? [pass.date, pass.id].filter(Boolean).join(" ") : "best pass of each place",
      title(this.#source.looks)(look),
      weightsA === this.#source.weights[0]?.name ? null : title(this.#source.weights)(weightsA),
    ].filter(Boolean).join(" · ");
  }

  async #order() {
    const { area, passA, look, exposure, contrast, weightsA } = this.#store.state, name = find("job-name").value.trim();
    try {
      await ask("jobs", { method: "POST", body: {
        area: polygonOf(area).geometry,
        ...chosen(this.#store.state, passA.startsWith("picture:") ? "" : passA),
        look, exposure, contrast, profile: "cog", ...(weightsA ? { weights: weightsA } : {}), ...(name ? { name } : {}),
      } });
      find("job-name").value = "";
      this.#store.set({ area: null });
      tell("The picture is being made");
    } catch (error) {
      tell(error.message, true);
    }
    this.refresh();
  }

  async #cancel(job) {
    try {
      await ask(`jobs/${encodeURIComponent(job.id)}`, { method: "DELETE" });
    } catch (error) {
      tell(error.message, true);
    }
    this.refresh();
  }

  #draw(list) {
    const focused = document.activeElement?.dataset.act, newest = sorted(list);
    find("jobs").replaceChildren(...newest.map(job => this.#entry(job)));
    if (focused) find("jobs").querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus();
    find("no-jobs").hidden = list.length > 0;
    find("no-jobs").textContent = this.#source.output === null
      ? "Pictures can be made only where potato serve has a folder for them: start it with --output FOLDER."
      : `Choose an area: the picture is sharpened in full and written to ${this.#source.output}.`;
    const pictures = picturesOf(list), { state } = this.#store;
    if (JSON.stringify(pictures) !== JSON.stringify(state.pictures)) this.#store.set({ pictures });
  }

  #entry(job) {
    const busy = BUSY.includes(job.state), button = (name, text, act) =>
      make("button", { type: "button", "data-act": `${name} ${job.id}`, onclick: act }, text);
    const show = () => {
      this.#store.set({ passA: `picture:${job.id}` });
      fit(this.#map, job.bounds);
    };
    const file = job.file && local(job.file);
    return make("li", { "data-state": job.state },
      make("strong", {}, titleOf(job)),
      make("span", {}, [WORDS[job.state] ?? job.state, job.look, job.size ? sizeOf(job.size) : null, job.message]
        .filter(Boolean).join(" · ")),
      busy ? make("progress", { max: 1, value: job.progress, "aria-label": `Progress of ${titleOf(job)}` }) : null,
      make("div", { class: "row" },
        busy ? button("cancel", "Cancel", () => this.#cancel(job)) : null,
        job.state === "done" ? button("show", "Show on the map", show) : null,
        file ? make("a", { href: file, download: true, "data-act": `file ${job.id}` }, "Download") : null));
  }
}

const sorted = list => [...list].sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));

/** The finished pictures of a list of jobs, and the light in which each was made. */
export const picturesOf = list => sorted(list).filter(({ state }) => state === "done").map(job =>
  ({ id: job.id, title: titleOf(job), exposure: job.exposure ?? 0, contrast: job.contrast ?? 1 }));

/** What a job is called: as its files are. */
const titleOf = job => job.name || job.id;
