/** The shapes that Palate's HTTP API answers with. */

export interface SourceHit {
  source: string;
  rank: number;
  score: number;
}

export interface Evidence {
  kind: string;
  source: string;
  weight: number;
  item_id?: string | null;
  platform?: string | null;
  detail?: string;
}

export interface Reason {
  text: string;
  author: "llm" | "template";
  evidence: Evidence[];
}

export interface Recommendation {
  item_id: string;
  type: string;
  title: string;
  genres: string[];
  score: number;
  rank: number;
  sources: SourceHit[];
  reasons: Reason[];
  year?: number | null;
  creators?: string[];
  image?: string | null;
  audio?: string | null;
}

export interface Slate {
  decision_id: string;
  items: Recommendation[];
  degraded: string[];
  timings_ms: Record<string, number>;
  model: Record<string, unknown>;
}

export interface Explanation {
  decision_id: string;
  item_id: string;
  title: string;
  reasons: Reason[];
  sources: SourceHit[];
  scores?: { retriever?: number | null; llm?: number | null };
  rank: number;
  rank_without_llm?: number | null;
  prompt_hash?: string | null;
  model?: Record<string, unknown>;
}

export interface CatalogItem {
  item_id: string;
  title: string;
  type: string;
}

export type Opinion = "like" | "dislike";

/** What went wrong, in a form that can be shown: `code` is the API's, or `network`, or `http_<status>`. */
export interface Failure {
  code: string;
  message: string;
  status: number;
}
