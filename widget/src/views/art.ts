/** The picture of a card, and the button that plays its sound. */

import { drawCover } from "../cover.ts";
import { h, icon, mediaUrl } from "../dom.ts";
import { player, type Playback } from "../player.ts";
import type { Recommendation } from "../types.ts";
import type { Context } from "./context.ts";

function picture(item: Recommendation, base: string): HTMLElement {
  const frame = h("div", { class: `picture ${item.type === "track" ? "square" : "tall"}` });
  const drawn = (): void => frame.replaceChildren(drawCover(item.item_id, item.title, item.type));
  const url = mediaUrl(item.image, base);
  if (!url) {
    drawn();
    return frame;
  }
  const back = h("img", { class: "back", src: url, alt: "", "aria-hidden": "true", loading: "lazy", decoding: "async" });
  frame.append(back, h("img", { class: "front", src: url, alt: "", loading: "lazy", decoding: "async", error: drawn }));
  return frame;
}

function soundButton(url: string, item: Recommendation, { t }: Context, frame: HTMLElement): HTMLElement[] {
  const fill = h("i");
  const bar = h("div", { class: "progress", "aria-hidden": "true" }, fill);
  const note = h("span", { class: "sound-note", role: "status" });
  const button = h("button", { type: "button", class: "play", part: "play", "aria-label": t.play(item.title) }, icon("play"));
  let shown = false;
  const listen = ({ playing, share, failed }: Playback): void => {
    fill.style.width = `${(share * 100).toFixed(1)}%`;
    frame.classList.toggle("sounding", playing || share > 0);
    note.textContent = failed ? t.failedPlay : "";
    if (playing === shown) return;
    shown = playing;
    button.setAttribute("aria-label", playing ? t.pause(item.title) : t.play(item.title));
    button.replaceChildren(icon(playing ? "pause" : "play"));
  };
  button.addEventListener("click", () => player.toggle(url, listen));
  // A card that is taken away takes its sound with it.
  button.addEventListener("palate-gone", () => player.stop(listen));
  return [button, bar, note];
}

export function art(item: Recommendation, context: Context): HTMLElement {
  const frame = h("div", { class: "art", part: "art" });
  frame.append(picture(item, context.base), h("span", { class: "kind" }, context.t.types[item.type] ?? item.type));
  const sound = mediaUrl(item.audio, context.base);
  if (sound) frame.append(...soundButton(sound, item, context, frame));
  return frame;
}
