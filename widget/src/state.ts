/** All that the element shows, as one value, and the one function that changes it. */

import type { Failure, Opinion, Slate } from "./types.ts";

export interface Turn {
  id: number;
  role: "person" | "palate";
  text: string;
  /** What was asked; kept on the answer too, so that it can be asked again. */
  question: string;
  stage: string | null;
  slate: Slate | null;
  degraded: string[];
  failure: Failure | null;
  busy: boolean;
}

export interface Vote {
  verb: Opinion;
  saving: boolean;
}

export interface State {
  load: "idle" | "loading" | "waiting" | "ready" | "failed";
  failure: Failure | null;
  /** What was recommended without a question. */
  picks: Slate | null;
  shown: { slate: Slate; query: string } | null;
  votes: Readonly<Record<string, Vote>>;
  /** Items whose opinion could not be saved, with what went wrong. */
  unsaved: Readonly<Record<string, { verb: Opinion; failure: Failure }>>;
  /** An opinion was saved since the slate was made: a new one may differ. */
  changed: boolean;
  turns: readonly Turn[];
  conversation: string | null;
  busy: boolean;
}

export type Action =
  | { type: "reset" }
  | { type: "load" }
  | { type: "wait" }
  | { type: "loaded"; slate: Slate; query: string }
  | { type: "failed"; failure: Failure }
  | { type: "show"; slate: Slate; query: string }
  | { type: "vote"; item: string; verb: Opinion }
  | { type: "saved"; item: string }
  | { type: "unsaved"; item: string; verb: Opinion; before: Opinion | null; failure: Failure }
  | { type: "ask"; text: string }
  | { type: "stage"; stage: string }
  | { type: "slate"; slate: Slate }
  | { type: "delta"; delta: string }
  | { type: "done"; conversation: string | null; degraded: string[] }
  | { type: "stopped" }
  | { type: "chatFailed"; failure: Failure };

export const initial: State = {
  load: "idle",
  failure: null,
  picks: null,
  shown: null,
  votes: {},
  unsaved: {},
  changed: false,
  turns: [],
  conversation: null,
  busy: false,
};

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const copy = { ...record };
  delete copy[key];
  return copy;
}

/** Changes the answer that is being written; late pieces of a stopped answer change nothing. */
function onAnswer(state: State, change: (turn: Turn) => Turn): State {
  const last = state.turns[state.turns.length - 1];
  if (!last || last.role !== "palate" || !last.busy) return state;
  return { ...state, turns: [...state.turns.slice(0, -1), change(last)] };
}

function ask(state: State, text: string): State {
  const blank = { question: text, stage: null, slate: null, degraded: [], failure: null };
  const last = state.turns[state.turns.length - 1];
  // Asking again after a failure replaces the failed answer, instead of repeating the question.
  const again = last?.failure != null && last.question === text;
  const kept = again ? state.turns.slice(0, -2) : state.turns;
  const id = (kept[kept.length - 1]?.id ?? 0) + 1 + (again ? 2 : 0);
  const turns: Turn[] = [
    ...kept,
    { ...blank, id, role: "person", text, busy: false },
    { ...blank, id: id + 1, role: "palate", text: "", stage: "understand", busy: true },
  ];
  return { ...state, turns, busy: true };
}

function onVotes(state: State, action: Action): State {
  switch (action.type) {
    case "vote":
      return {
        ...state,
        votes: { ...state.votes, [action.item]: { verb: action.verb, saving: true } },
        unsaved: without(state.unsaved, action.item),
      };
    case "saved": {
      const vote = state.votes[action.item];
      if (!vote) return state;
      return { ...state, votes: { ...state.votes, [action.item]: { ...vote, saving: false } }, changed: true };
    }
    case "unsaved": {
      const votes = without(state.votes, action.item);
      if (action.before) votes[action.item] = { verb: action.before, saving: false };
      return { ...state, votes, unsaved: { ...state.unsaved, [action.item]: { verb: action.verb, failure: action.failure } } };
    }
    default:
      return state;
  }
}

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "reset":
      return initial;
    case "load":
      return { ...state, load: "loading", failure: null };
    case "wait":
      return { ...state, load: "waiting" };
    case "loaded": {
      const shown = { slate: action.slate, query: action.query };
      const picks = action.query === "" ? action.slate : state.picks;
      return { ...state, load: "ready", failure: null, picks, shown, changed: false, unsaved: {} };
    }
    case "failed":
      return { ...state, load: "failed", failure: action.failure };
    case "show":
      return { ...state, load: "ready", failure: null, shown: { slate: action.slate, query: action.query } };
    case "ask":
      return ask(state, action.text);
    case "stage":
      return onAnswer(state, (turn) => ({ ...turn, stage: action.stage }));
    case "slate": {
      const next = onAnswer(state, (turn) => ({ ...turn, slate: action.slate }));
      if (next === state) return state;
      const query = next.turns[next.turns.length - 1]?.question ?? "";
      return { ...next, load: "ready", failure: null, shown: { slate: action.slate, query }, changed: false };
    }
    case "delta":
      return onAnswer(state, (turn) => ({ ...turn, text: turn.text + action.delta, stage: null }));
    case "done": {
      const next = onAnswer(state, (turn) => ({ ...turn, busy: false, stage: null, degraded: action.degraded }));
      return { ...next, busy: false, conversation: action.conversation ?? state.conversation };
    }
    case "stopped":
      return { ...onAnswer(state, (turn) => ({ ...turn, busy: false, stage: null })), busy: false };
    case "chatFailed": {
      const next = onAnswer(state, (turn) => ({ ...turn, busy: false, stage: null, failure: action.failure }));
      return { ...next, busy: false };
    }
    default:
      return onVotes(state, action);
  }
}
