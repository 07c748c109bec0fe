import assert from "node:assert/strict";
import { test } from "node:test";
import { initial, reduce } from "../src/state.ts";

const slate = (id) => ({ decision_id: id, items: [], degraded: [], timings_ms: {}, model: {} });
const run = (...actions) => actions.reduce(reduce, initial);
const failure = { code: "network", message: "", status: 0 };

test("a loaded slate without a question becomes the person's picks", () => {
  const state = run({ type: "load" }, { type: "wait" }, { type: "loaded", slate: slate("a"), query: "" });
  assert.equal(state.load, "ready");
  assert.equal(state.picks.decision_id, "a");
  const asked = reduce(state, { type: "loaded", slate: slate("b"), query: "funny" });
  assert.equal(asked.picks.decision_id, "a");
  assert.deepEqual(asked.shown, { slate: slate("b"), query: "funny" });
});

test("an answer grows by its pieces and ends", () => {
  const state = run(
    { type: "ask", text: "hi" },
    { type: "stage", stage: "rank" },
    { type: "slate", slate: slate("c") },
    { type: "delta", delta: "Try " },
    { type: "delta", delta: "this" },
    { type: "done", conversation: "k", degraded: ["rerank"] },
  );
  const [question, answer] = state.turns;
  assert.equal(question.text, "hi");
  assert.equal(answer.text, "Try this");
  assert.equal(answer.busy, false);
  assert.deepEqual(answer.degraded, ["rerank"]);
  assert.equal(state.conversation, "k");
  assert.deepEqual(state.shown, { slate: slate("c"), query: "hi" });
  assert.equal(state.busy, false);
});

test("late pieces of a stopped answer change nothing", () => {
  const stopped = run({ type: "ask", text: "hi" }, { type: "stopped" });
  assert.equal(reduce(stopped, { type: "delta", delta: "late" }), stopped);
  assert.equal(reduce(stopped, { type: "slate", slate: slate("late") }), stopped);
});

test("asking again after a failure does not repeat the question, and gives new ids", () => {
  const failed = run({ type: "ask", text: "hi" }, { type: "chatFailed", failure });
  const again = reduce(failed, { type: "ask", text: "hi" });
  assert.equal(again.turns.length, 2);
  const before = new Set(failed.turns.map(({ id }) => id));
  assert.ok(again.turns.every(({ id }) => !before.has(id)));
  assert.equal(reduce(failed, { type: "ask", text: "other" }).turns.length, 4);
});

test("an opinion shows at once, and goes back to the former one when it cannot be saved", () => {
  const liked = run({ type: "vote", item: "x", verb: "like" }, { type: "saved", item: "x" });
  assert.deepEqual(liked.votes, { x: { verb: "like", saving: false } });
  assert.equal(liked.changed, true);
  const tried = reduce(liked, { type: "vote", item: "x", verb: "dislike" });
  assert.deepEqual(tried.votes.x, { verb: "dislike", saving: true });
  const undone = reduce(tried, { type: "unsaved", item: "x", verb: "dislike", before: "like", failure });
  assert.deepEqual(undone.votes.x, { verb: "like", saving: false });
  assert.deepEqual(undone.unsaved.x, { verb: "dislike", failure });
  const none = run({ type: "vote", item: "x", verb: "like" }, { type: "unsaved", item: "x", verb: "like", before: null, failure });
  assert.deepEqual(none.votes, {});
});

test("a new slate clears the offer to refresh; another person clears all", () => {
  const voted = run({ type: "vote", item: "x", verb: "like" }, { type: "saved", item: "x" });
  assert.equal(reduce(voted, { type: "loaded", slate: slate("n"), query: "" }).changed, false);
  assert.equal(reduce(voted, { type: "reset" }), initial);
});

test("no action changes the state it is given", () => {
  const freeze = (value) => {
    if (value && typeof value === "object") Object.values(Object.freeze(value)).forEach(freeze);
    return value;
  };
  let state = freeze(initial);
  for (const action of [
    { type: "loaded", slate: slate("a"), query: "" },
    { type: "ask", text: "hi" },
    { type: "slate", slate: slate("b") },
    { type: "delta", delta: "d" },
    { type: "vote", item: "x", verb: "like" },
    { type: "saved", item: "x" },
    { type: "unsaved", item: "x", verb: "like", before: null, failure },
    { type: "chatFailed", failure },
    { type: "ask", text: "hi" },
    { type: "done", conversation: null, degraded: [] },
  ]) {
    state = freeze(reduce(state, action));
  }
  assert.equal(state.turns.length, 2);
});
