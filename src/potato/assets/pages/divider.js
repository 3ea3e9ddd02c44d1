/**
 * A divider between two pictures: a slider that pointer and keys move.
 *
 * The page of `potato serve` imports this module; a report has its text inside.
 */

const STEPS = {
  ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1,
};

/**
 * Connect a divider with the box that it lies in.
 *
 * `move` is called with the share of the box, 0..1, to which somebody moves the divider.
 *
 * @returns a function that places the divider at a share.
 */
export function connectDivider(divider, move) {
  const box = divider.parentElement;
  let share = 0.5;
  const wish = to => move(Math.min(1, Math.max(0, to)));
  divider.addEventListener("keydown", event => {
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    wish(share + STEPS[event.key]);
    event.preventDefault();
    event.stopPropagation();
  });
  divider.addEventListener("pointerdown", event => {
    divider.setPointerCapture(event.pointerId);
    divider.focus({ preventScroll: true });
    event.preventDefault();
  });
  divider.addEventListener("pointermove", event => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const { left, width } = box.getBoundingClientRect();
    wish((event.clientX - left) / width);
  });
  return to => {
    share = to;
    const percent = Math.round(100 * to);
    box.style.setProperty("--split", `${100 * to}%`);
    divider.setAttribute("aria-valuenow", percent);
    divider.setAttribute("aria-valuetext", `${percent} percent from the left`);
  };
}
