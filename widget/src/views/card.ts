/** One recommendation. */

import { h, icon } from "../dom.ts";
import { failureText, platformsOf, subtitle } from "../format.ts";
import type { State } from "../state.ts";
import type { Opinion, Recommendation, Slate } from "../types.ts";
import { art } from "./art.ts";
import { platformChip, reasonLine } from "./bits.ts";
import type { Context } from "./context.ts";

export interface CardView {
  el: HTMLElement;
  why: HTMLButtonElement;
  update(state: State): void;
}

function voteButton(verb: Opinion, item: Recommendation, slate: Slate, context: Context): HTMLButtonElement {
  const { t } = context;
  const [words, label] = verb === "like" ? [t.like, t.likeOf(item.title)] : [t.dislike, t.dislikeOf(item.title)];
  return h(
    "button",
    { type: "button", class: `round ${verb}`, part: verb, "aria-label": label, title: words, "aria-pressed": "false", click: () => context.vote(item, slate, verb) },
    icon(verb === "like" ? "up" : "down"),
  );
}

export function card(item: Recommendation, slate: Slate, context: Context, onWhy: () => void): CardView {
  const { t } = context;
  const like = voteButton("like", item, slate, context);
  const dislike = voteButton("dislike", item, slate, context);
  const why = h("button", { type: "button", class: "soft", part: "why-button", "aria-label": t.whyOf(item.title), "aria-expanded": "false", click: onWhy }, t.why);
  const trouble = h("div", { class: "trouble", role: "status" });
  const [first] = item.reasons;
  const platforms = platformsOf(first ? [first] : []).concat(platformsOf(item.reasons));
  const chips = h("div", { class: "chips" }, ...[...new Set(platforms)].map(platformChip));
  const title = h("button", { type: "button", class: "title", part: "title", title: item.title, click: () => context.select(item, slate) }, item.title);
  const body = h(
    "div",
    { class: "card-body" },
    h("h3", {}, title),
    h("p", { class: "muted", part: "meta" }, subtitle(item, t)),
    first ? reasonLine(first, t) : null,
    chips,
    h("div", { class: "actions" }, why, h("span", { class: "gap" }), like, dislike),
    trouble,
  );
  const el = h("article", { class: "card", part: "card", "data-item": item.item_id }, art(item, context), body);
  const update = (state: State): void => {
    const vote = state.votes[item.item_id];
    for (const [verb, button] of [["like", like], ["dislike", dislike]] as const) {
      button.setAttribute("aria-pressed", String(vote?.verb === verb));
      button.classList.toggle("saving", vote?.verb === verb && vote.saving);
    }
    const failed = state.unsaved[item.item_id];
    if (!failed) return trouble.replaceChildren();
    const again = h("button", { type: "button", class: "link", click: () => context.vote(item, slate, failed.verb) }, t.retry);
    return trouble.replaceChildren(`${t.failedVote} ${failureText(failed.failure, t)} `, again);
  };
  return { el, why, update };
}

export function skeletonCard(): HTMLElement {
  const bones = ["line", "line short", "line", "line"].map((name) => h("div", { class: `bone ${name}` }));
  return h("article", { class: "card", "aria-hidden": "true" }, h("div", { class: "art bone" }), h("div", { class: "card-body" }, ...bones));
}
