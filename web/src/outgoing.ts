import type { ErrorFrame, Said, Say } from "./protocol";

export const PENDING_MAX = 20;

export interface Pending {
  readonly id: string;
  readonly text: string;
  /** sending: no word from the server yet · said: durable, its message is on the way · failed: refused, with the reason */
  readonly state: "sending" | "said" | "failed";
  readonly reason?: string;
  readonly seq?: number;
}

/**
 * What a person has said and the server has not yet shown back. Each has an id made here, so that saying it again after a
 * cut cannot say it twice. Pure: every function answers with the next list.
 */
export type Outgoing = readonly Pending[];

export function add(outgoing: Outgoing, id: string, text: string): Outgoing {
  return [...outgoing, { id, text, state: "sending" as const }].slice(-PENDING_MAX);
}

export function said(outgoing: Outgoing, frame: Said): Outgoing {
  return outgoing.map((each) =>
    each.id === frame.id ? { id: each.id, text: each.text, state: "said", seq: frame.seq } : each,
  );
}

export function failed(outgoing: Outgoing, id: string, error: ErrorFrame): Outgoing {
  return outgoing.map((each) => (each.id === id ? { ...each, state: "failed", reason: error.message } : each));
}

/** Its message is here (or the person gave it up). */
export function drop(outgoing: Outgoing, id: string): Outgoing {
  return outgoing.some((each) => each.id === id) ? outgoing.filter((each) => each.id !== id) : outgoing;
}

export function again(outgoing: Outgoing, id: string): Outgoing {
  return outgoing.map((each) => (each.id === id ? { id, text: each.text, state: "sending" } : each));
}

/** What must be said (again) once the room is joined; ids make it harmless. */
export function unsaid(outgoing: Outgoing, room: string): Say[] {
  return outgoing
    .filter((each) => each.state === "sending")
    .map((each) => ({ type: "say", room, id: each.id, text: each.text }));
}

/** What an earlier page left in storage, believing nothing of its shape. */
export function restored(stored: unknown): Outgoing {
  if (!Array.isArray(stored)) return [];
  return stored
    .filter(
      (each): each is { id: string; text: string } => typeof each?.id === "string" && typeof each?.text === "string",
    )
    .slice(-PENDING_MAX)
    .map(({ id, text }) => ({ id, text, state: "sending" }));
}
