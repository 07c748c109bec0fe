/** What every view needs from the element. */

import type { Client } from "../api.ts";
import type { Language, Texts } from "../text.ts";
import type { Opinion, Recommendation, Slate } from "../types.ts";

export interface Context {
  t: Texts;
  language: Language;
  client: Client;
  base: string;
  select(item: Recommendation, slate: Slate): void;
  vote(item: Recommendation, slate: Slate, verb: Opinion): void;
  ask(text: string): void;
  stop(): void;
  show(slate: Slate, query: string): void;
  reload(): void;
  backToPicks(): void;
}
