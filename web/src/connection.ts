/**
 * How one page stays in touch with its server: a pure machine. Events go in, actions come out; it reads no clock, holds no
 * socket and makes no randomness (`roll` is handed in). `socket.ts` carries the actions out.
 *
 *            start               opened               welcome
 *     idle ─────────▶ connecting ───────▶ greeting ───────────▶ open
 *                         ▲  closed          │ closed             │ closed
 *                         │ due, hurry       ▼                    ▼
 *                         └──────────────  waiting  ◀─────────────┘
 *                                            │ a close that no retry can mend
 *                                            ▼
 *                                         stopped ── identify ──▶ connecting
 */
import {
  CLOSE_BANNED,
  CLOSE_KICKED,
  CLOSE_PROTOCOL_ERROR,
  CLOSE_UNAUTHORIZED,
  type ClientFrame,
  type ErrorFrame,
  type Hello,
  type Kind,
  type ServerFrame,
  type Welcome,
} from "./protocol";

export const RETRY_FIRST_S = 0.5;
export const RETRY_LONGEST_S = 20;
export const SILENT_BEATS_MAX = 2;

export type Phase = "idle" | "connecting" | "greeting" | "open" | "waiting" | "stopped";
export type StopReason = "protocol" | "unauthorized" | "kicked" | "banned";

export type ConnectionEvent =
  | { on: "start" | "opened" | "due" | "hurry" | "beat" | "stop" }
  | { on: "frame"; frame: ServerFrame }
  | { on: "closed"; code: number; roll: number }
  | { on: "send"; frame: ClientFrame }
  | { on: "identify"; name?: string; token?: string };

export type ConnectionAction =
  | { do: "open" | "close" | "abandon" | "forget" }
  | { do: "send"; frame: ClientFrame }
  | { do: "deliver"; frame: ServerFrame }
  | { do: "wait" | "beat"; seconds: number }
  | { do: "remember"; session: string }
  | { do: "refused"; what: "ticket" | "name"; message: string };

export interface Credentials {
  /** The secret of an earlier visit. */
  session?: string;
  /** A ticket from the address, or a token that a person typed: used until the server has answered it. */
  token?: string;
  name?: string;
  /** What to be; a page is a human. */
  kind?: Kind;
  /** What this program calls itself. */
  client?: string;
}

const FINAL: ReadonlyMap<number, StopReason> = new Map([
  [CLOSE_PROTOCOL_ERROR, "protocol"],
  [CLOSE_UNAUTHORIZED, "unauthorized"],
  [CLOSE_KICKED, "kicked"],
  [CLOSE_BANNED, "banned"],
]);

export class Connection {
  phase: Phase = "idle";
  stopped: { reason: StopReason; message: string } | null = null;
  /** The server said that it is going away and when to come back. */
  leaving = false;
  #credentials: Credentials;
  /** How many tries in a row have failed. */
  attempts = 0;
  #after_s: number | null = null;
  #anew = false;
  #silent = 0;
  #complaint = "";

  constructor(credentials: Credentials = {}) {
    this.#credentials = { ...credentials };
  }

  handle(event: ConnectionEvent): ConnectionAction[] {
    switch (event.on) {
      case "start":
        return this.phase === "idle" ? this.#open() : [];
      case "opened":
        return this.phase === "connecting" ? this.#greet() : [];
      case "frame":
        return this.#frame(event.frame);
      case "closed":
        return this.#closed(event.code, event.roll);
      case "due":
      case "hurry":
        return this.phase === "waiting" ? this.#open() : [];
      case "beat":
        return this.#beat();
      case "send":
        return this.phase === "open" ? [{ do: "send", frame: event.frame }] : [];
      case "identify":
        return this.#identify(event.name, event.token);
      case "stop":
        return this.#leave();
    }
  }

  #open(): ConnectionAction[] {
    this.phase = "connecting";
    this.stopped = null;
    this.#complaint = "";
    return [{ do: "open" }];
  }

  #greet(): ConnectionAction[] {
    this.phase = "greeting";
    const { session, token, name, kind = "human", client = "cadence-web" } = this.#credentials;
    const hello: Hello = {
      type: "hello",
      kind,
      client,
      ...(token ? { token } : {}),
      ...(session ? { resume: session } : {}),
      ...(name ? { name } : {}),
    };
    return [{ do: "send", frame: hello }];
  }

  #frame(frame: ServerFrame): ConnectionAction[] {
    this.#silent = 0;
    if (frame.type === "reconnect") {
      this.#after_s = frame.after_s;
      this.leaving = true;
      return [];
    }
    if (this.phase === "greeting") {
      if (frame.type === "welcome") return this.#welcomed(frame);
      if (frame.type === "error") return this.#complained(frame);
      return [];
    }
    return this.phase === "open" ? [{ do: "deliver", frame }] : [];
  }

  #welcomed(frame: Welcome): ConnectionAction[] {
    this.phase = "open";
    this.attempts = 0;
    this.#after_s = null;
    this.leaving = false;
    this.#silent = 0;
    delete this.#credentials.token;
    this.#credentials.session = frame.session;
    return [
      { do: "remember", session: frame.session },
      { do: "beat", seconds: frame.heartbeat_s },
      { do: "deliver", frame },
    ];
  }

  /** A hello that was refused: a name that is taken is dropped and the greeting said again; the rest ends in a close. */
  #complained(frame: ErrorFrame): ConnectionAction[] {
    this.#complaint = frame.message;
    if (frame.code !== "unauthorized" && frame.code !== "forbidden" && this.#credentials.name) {
      delete this.#credentials.name;
      return [{ do: "refused", what: "name", message: frame.message }, ...this.#greet()];
    }
    return [];
  }

  #closed(code: number, roll: number): ConnectionAction[] {
    if (this.phase === "idle" || this.phase === "stopped" || this.phase === "waiting") return [];
    if (this.#anew) {
      this.#anew = false;
      return this.#open();
    }
    const reason = FINAL.get(code);
    if (reason === "unauthorized") return this.#unauthorized();
    if (reason) return this.#stop(reason);
    this.phase = "waiting";
    const longest_s = Math.min(RETRY_LONGEST_S, RETRY_FIRST_S * 2 ** this.attempts);
    this.attempts += 1;
    // Jitter, so that a thousand pages do not come back in the same instant.
    const wait_s = this.#after_s === null ? longest_s * (0.5 + roll / 2) : this.#after_s + roll * RETRY_FIRST_S;
    this.#after_s = null;
    return [{ do: "wait", seconds: wait_s }];
  }

  /** A spent ticket is no reason to turn away someone who has been here before, or a guest: come again without it. */
  #unauthorized(): ConnectionAction[] {
    const { token, session } = this.#credentials;
    if (token) {
      delete this.#credentials.token;
      return [{ do: "refused", what: "ticket", message: this.#complaint }, ...this.#open()];
    }
    if (session) {
      delete this.#credentials.session;
      return [{ do: "forget" }, ...this.#open()];
    }
    return this.#stop("unauthorized");
  }

  /** Nobody wants to be here any more: close, and do not come back. */
  #leave(): ConnectionAction[] {
    this.phase = "stopped";
    return [{ do: "close" }];
  }

  #stop(reason: StopReason): ConnectionAction[] {
    this.phase = "stopped";
    this.stopped = { reason, message: this.#complaint };
    return [];
  }

  /** Once per heartbeat: a line that stays silent although it was asked is dead, whatever the browser believes. */
  #beat(): ConnectionAction[] {
    if (this.phase !== "open") return [];
    this.#silent += 1;
    if (this.#silent > SILENT_BEATS_MAX) return [{ do: "abandon" }];
    return [{ do: "send", frame: { type: "ping" } }];
  }

  /** Come in again: under another name, which the session keeps, or as whoever a token stands for. */
  #identify(name?: string, token?: string): ConnectionAction[] {
    this.#credentials = { ...this.#credentials, ...(name ? { name } : {}), ...(token ? { token } : {}) };
    this.attempts = 0;
    if (this.phase === "idle" || this.phase === "stopped" || this.phase === "waiting") return this.#open();
    this.#anew = true;
    return [{ do: "close" }]; // the server gives the new name only once the old connection has ended
  }
}
