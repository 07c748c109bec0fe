/** Building elements. Data enters as text nodes and checked addresses only, never as markup. */

export type Child = Node | string | null | undefined | false;
type Props = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

const SVG = "http://www.w3.org/2000/svg";

function fill(el: Element, props: Props, children: Child[]): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") el.addEventListener(name, value);
    else if (value === true) el.setAttribute(name, "");
    else if (value != null && value !== false) el.setAttribute(name, String(value));
  }
  for (const child of children) if (child) el.append(child);
}

/** Makes an HTML element. A function among the properties listens to the event of that name. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  fill(el, props, children);
  return el;
}

export function svg(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  const el = document.createElementNS(SVG, tag);
  fill(el, props, children);
  return el;
}

/** Returns `address` resolved against `base` when a page may load it as a picture or a sound, else null. */
export function mediaUrl(address: string | null | undefined, base: string): string | null {
  if (!address) return null;
  try {
    const url = new URL(address, base);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

const ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  up: "M7 11v9H4v-9zM9 20h7.6c1 0 1.8-.7 2-1.6l1.3-6A2 2 0 0 0 18 10h-4.6l.8-3.9c.2-1.1-.6-2.1-1.7-2.1L9 10.5z",
  down: "M17 13V4h3v9zM15 4H7.4c-1 0-1.8.7-2 1.6l-1.3 6A2 2 0 0 0 6 14h4.6l-.8 3.9c-.2 1.1.6 2.1 1.7 2.1L15 13.5z",
  send: "M4 12l16-8-5 16-3.5-6.5z",
  stop: "M6 6h12v12H6z",
  close: "M6.4 5L12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  again: "M12 5a7 7 0 1 0 6.7 9h-2.1A5 5 0 1 1 12 7c1.4 0 2.6.6 3.5 1.5L13 11h7V4l-3 3a7 7 0 0 0-5-2z",
  back: "M14 5l1.5 1.5L10 12l5.5 5.5L14 19l-7-7z",
} as const;

export function icon(name: keyof typeof ICONS): SVGElement {
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, svg("path", { d: ICONS[name] }));
}
