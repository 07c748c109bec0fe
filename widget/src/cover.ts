/** A drawn picture for items that have none: the same item always looks the same. */

import { svg } from "./dom.ts";

/** FNV-1a, 32 bits: a number that depends on every character. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value;
}

/** Returns up to two initials; whole characters also where titles are in Chinese. */
export function initials(title: string): string {
  const words = title.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
}

let serial = 0;

export function drawCover(id: string, title: string, type: string): SVGElement {
  const seed = hash(id);
  const hue = seed % 360;
  const other = (hue + 40 + ((seed >>> 9) % 80)) % 360;
  const gradient = `cover-${(serial += 1)}`;
  const stop = (offset: string, colour: string): SVGElement => svg("stop", { offset, "stop-color": colour });
  const shapes: SVGElement[] = [];
  if (type === "track") {
    for (let i = 6; i > 0; i -= 1) {
      shapes.push(svg("circle", { cx: 100, cy: 100, r: i * 14, fill: "none", stroke: "#fff", "stroke-opacity": 0.08 + 0.04 * (6 - i) }));
    }
  } else {
    for (let i = 0; i < 4; i += 1) {
      const bits = seed >>> (i * 6);
      shapes.push(svg("circle", { cx: (bits * 37) % 200, cy: (bits * 53) % 200, r: 26 + (bits % 48), fill: "#fff", "fill-opacity": 0.1 }));
    }
  }
  const text = { x: 100, y: 100, fill: "#fff", "font-size": 64, "font-weight": 700, "text-anchor": "middle", "dominant-baseline": "central" };
  return svg(
    "svg",
    { viewBox: "0 0 200 200", class: "drawn", "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" },
    svg(
      "defs",
      {},
      svg("linearGradient", { id: gradient, x1: 0, y1: 0, x2: 1, y2: 1 }, stop("0", `hsl(${hue},45%,42%)`), stop("1", `hsl(${other},50%,24%)`)),
    ),
    svg("rect", { width: 200, height: 200, fill: `url(#${gradient})` }),
    ...shapes,
    svg("text", text, initials(title)),
  );
}
