/** Small pieces that several views use. */

import { h, icon } from "../dom.ts";
import { failureText, platformName } from "../format.ts";
import type { Texts } from "../text.ts";
import type { Failure, Reason } from "../types.ts";

export function platformChip(platform: string): HTMLElement {
  const dot = h("span", { class: "dot", "data-platform": platform, "aria-hidden": "true" });
  return h("span", { class: "chip", part: "platform" }, dot, platformName(platform));
}

export function reasonLine(reason: Reason, t: Texts): HTMLElement {
  const author = reason.author === "llm" ? "llm" : "template";
  const badge = h("span", { class: `badge ${author}`, part: "badge", title: t.byHint[author] }, t.by[author]);
  return h("p", { class: "reason", part: "reason" }, reason.text, " ", badge);
}

export function failureBox(title: string, failure: Failure, t: Texts, retry: () => void): HTMLElement {
  return h(
    "div",
    { class: "failure", part: "error", role: "alert" },
    h("strong", {}, title),
    h("span", {}, failureText(failure, t)),
    h("button", { type: "button", class: "soft", click: retry }, icon("again"), t.retry),
  );
}
