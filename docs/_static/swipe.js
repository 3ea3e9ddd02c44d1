// Turns each element of class "swipe", which holds two pictures, into one with a slider between them.
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(".swipe")) {
    const after = box.querySelectorAll("img")[1];
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: 100, step: 0.5, value: 50 });
    slider.setAttribute("aria-label", "Share of the picture before sharpening, in percent");
    const line = document.createElement("div");
    line.className = "line";
    after.classList.add("after");
    slider.addEventListener("input", () => box.style.setProperty("--at", `${slider.value}%`));
    box.append(line, slider);
    box.classList.add("ready");
  }
});
