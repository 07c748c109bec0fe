/** Moving the focus with the arrow keys, for remote controls: to the nearest thing in that direction. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

const overlap = (a1: number, a2: number, b1: number, b2: number): number => Math.max(0, Math.min(a2, b2) - Math.max(a1, b1));

/**
 * Returns how far `to` lies from `from` in a direction, or Infinity where it lies elsewhere or beside it. What is out of line counts
 * as far: a remote control moves along rows and columns.
 */
export function distance(from: Box, to: Box, direction: Direction): number {
  const level = direction === "ArrowLeft" || direction === "ArrowRight";
  const forward = direction === "ArrowRight" || direction === "ArrowDown";
  const along = (box: Box): [number, number] => (level ? [box.left, box.right] : [box.top, box.bottom]);
  const across = (box: Box): [number, number] => (level ? [box.top, box.bottom] : [box.left, box.right]);
  const [a1, a2] = along(from);
  const [b1, b2] = along(to);
  const gap = forward ? b1 - a2 : a1 - b2;
  if (gap < -Math.min(a2 - a1, b2 - b1) / 2) return Infinity;
  const [c1, c2] = across(from);
  const [d1, d2] = across(to);
  const aside = Math.abs(d1 + d2 - c1 - c2) / 2;
  return Math.max(0, gap) + aside * (overlap(c1, c2, d1, d2) > 0 ? 0.1 : 3);
}

/** Returns the index of the nearest box in a direction, or -1. */
export function nearest(from: Box, boxes: readonly Box[], direction: Direction): number {
  let best = -1;
  let least = Infinity;
  boxes.forEach((box, i) => {
    const d = distance(from, box, direction);
    if (d < least) {
      least = d;
      best = i;
    }
  });
  return best;
}

const REACHABLE = "button:not([disabled]), input:not([disabled]), .timing";

/** Returns whether the text cursor stands where an arrow to the left or right would leave the text. */
function atEdge(input: HTMLInputElement, key: Direction): boolean {
  const edge = key === "ArrowLeft" ? 0 : input.value.length;
  return input.selectionStart === edge && input.selectionEnd === edge;
}

/** Handles an arrow key inside `root`; true when the focus moved. In a text field it first moves the cursor. */
export function moveFocus(root: ShadowRoot, event: KeyboardEvent): boolean {
  const key = event.key as Direction;
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key)) return false;
  const here = root.activeElement;
  if (!here?.matches(REACHABLE) || event.isComposing || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return false;
  const level = key === "ArrowLeft" || key === "ArrowRight";
  if (here instanceof HTMLInputElement && level && !atEdge(here, key)) return false;
  const others = [...root.querySelectorAll<HTMLElement>(REACHABLE)].filter((el) => el !== here && el.getClientRects().length > 0);
  const next = others[nearest(here.getBoundingClientRect(), others.map((el) => el.getBoundingClientRect()), key)];
  if (!next) return false;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}
