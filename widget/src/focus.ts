/** Moving the focus with the arrow keys, for remote controls: to the nearest thing in that direction. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

const overlap = (a1: number, a2: number, b1: number, b2: number): number => Math.max(0, Math.min(a2, b2) - Math.max(a1, b1));

/** Returns how far `to` lies from `from` in a direction (sideways distance counts threefold), or Infinity where it does not. */
export function distance(from: Box, to: Box, direction: Direction): number {
  const level = direction === "ArrowLeft" || direction === "ArrowRight";
  const forward = direction === "ArrowRight" || direction === "ArrowDown";
  const [a, b] = level ? [from.left + from.right, to.left + to.right] : [from.top + from.bottom, to.top + to.bottom];
  const along = (forward ? b - a : a - b) / 2;
  if (along <= 1) return Infinity;
  const shared = level ? overlap(from.top, from.bottom, to.top, to.bottom) : overlap(from.left, from.right, to.left, to.right);
  const [c, d] = level ? [from.top + from.bottom, to.top + to.bottom] : [from.left + from.right, to.left + to.right];
  const aside = shared > 0 ? Math.abs(d - c) / 20 : Math.abs(d - c) / 2;
  return along + 3 * aside;
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

const REACHABLE = "button:not([disabled]), input:not([disabled]), summary, [tabindex='0']";

/** Handles an arrow key inside `root`; true when the focus moved. In a text field only up and down leave it. */
export function moveFocus(root: ShadowRoot, event: KeyboardEvent): boolean {
  const key = event.key as Direction;
  if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key)) return false;
  const here = root.activeElement;
  if (!here || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return false;
  if (here instanceof HTMLInputElement && (key === "ArrowLeft" || key === "ArrowRight")) return false;
  const others = [...root.querySelectorAll<HTMLElement>(REACHABLE)].filter((el) => el !== here && el.getClientRects().length > 0);
  const next = others[nearest(here.getBoundingClientRect(), others.map((el) => el.getBoundingClientRect()), key)];
  if (!next) return false;
  next.focus();
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}
