import type { Alex, AlexState, Behind, Mood } from "./protocol";

/** What the crystal shows: one of Alex's states, or that Alex has been sent away, or cannot be reached. */
export type Look = AlexState | "raw" | "offline";

export function lookOf(alex: Alex | null, raw: boolean, online: boolean): Look {
  if (!online) return "offline";
  return raw ? "raw" : (alex?.state ?? "idle");
}

const FILL_TIME_S = 20;

/** How full it stands, 0..1: empty when nothing waits, two thirds at `FILL_TIME_S` behind, never quite full. Pure. */
export function fillOf(behind: Behind | undefined): number {
  if (!behind || behind.messages <= 0) return 0;
  return Math.round((1 - Math.exp(-Math.max(behind.seconds, 1) / FILL_TIME_S)) * 100) / 100;
}

export interface Tone {
  /** How long one glint takes. */
  readonly tempo_s: number;
  /** Degrees by which the colour leans, towards amber when warm and towards blue when cold. */
  readonly lean: number;
  readonly spark: boolean;
}

/** Without a mood: the tempo of somebody who listens, and the page's own colour. */
export function toneOf(mood: Mood | undefined): Tone {
  if (!mood) return { tempo_s: 4, lean: 0, spark: false };
  const energy = clamp(mood.energy, 0, 1);
  const warmth = clamp(mood.warmth, -1, 1);
  return {
    tempo_s: Math.round((6 - 4 * energy) * 10) / 10,
    lean: Math.round(warmth * (warmth > 0 ? -80 : -70)),
    spark: mood.insight,
  };
}

export type MoodWord = "quiet" | "lively" | "warm" | "cool" | "insight";

/** The mood in words, only where it is marked. */
export function moodWords(mood: Mood | undefined): MoodWord[] {
  if (!mood) return [];
  const words: MoodWord[] = [];
  if (mood.energy > 0.66) words.push("lively");
  else if (mood.energy < 0.2) words.push("quiet");
  if (mood.warmth > 0.33) words.push("warm");
  else if (mood.warmth < -0.33) words.push("cool");
  if (mood.insight) words.push("insight");
  return words;
}

function clamp(value: number, low: number, high: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : low;
}
