/**
 * A client for programs: the twin of `cadence.client` in Python, over the page's own connection and the generated types.
 *
 * It comes back by itself, hands over each message once and in order, and says again what was not acknowledged. What the
 * server cannot replay is read from the room's log, in pages.
 */
import type { Credentials } from "./connection";
import {
  FRAME_BYTES_MAX,
  PAGE_ITEMS_MAX,
  type ErrorFrame,
  type Joined,
  type Member,
  type Message,
  type Page,
  type Redacted,
  type Said,
  type Say,
  type ServerFrame,
  type Turn,
  type View,
  type Welcome,
} from "./protocol";
import { Cut, Refused, Requests } from "./requests";
import { Socket } from "./socket";

export const UNSAID_MAX = 100;
export const SAY_TRIES_MAX = 20;
export const MISSED_MAX = 100_000;
const RETRY_SHORTEST_S = 0.25;
const RETRY_LONGEST_S = 30;

/** Messages that will not come: those above `after`, up to `to`. `history` has them, unless the log is a new one. */
export interface Missed {
  readonly type: "missed";
  readonly room: string;
  readonly after: number;
  readonly to: number;
  readonly new_log: boolean;
}

export type RoomEvent = Message | Turn | Redacted | Missed;

export interface Hooks {
  /** It is over: shut out, or the server wants a token. Nothing comes any more. */
  stopped?(reason: string, message: string): void;
  /** The name or the token was refused; it goes on without, if it can. */
  refused?(what: "ticket" | "name", message: string): void;
  /** The secret with which a later run is the same user. */
  session?(secret: string | null): void;
}

interface Unsaid {
  readonly frame: Say;
  sent: boolean;
  tries: number;
  resolve(said: Said): void;
  reject(error: Error): void;
}

type You = Welcome["you"];

/** Whether the same may be granted later. */
function isLater(error: ErrorFrame): boolean {
  return error.code === "rate_limited" || error.code === "unavailable";
}

function wait_ms(error: ErrorFrame): number {
  return Math.min(Math.max(error.retry_after_s ?? 1, RETRY_SHORTEST_S), RETRY_LONGEST_S) * 1000;
}

export class Room {
  title: string;
  epoch = "";
  /** The highest seq, and the highest turn, that was handed over. */
  seq = 0;
  turn = 0;
  view: View | null = null;
  readonly members = new Map<string, Member>();
  readonly #told: (event: RoomEvent) => void;
  readonly #requests: Requests;
  readonly #send: (frame: Say) => void;
  readonly #unsaid = new Map<string, Unsaid>();
  #inside = false;
  #head = 0;
  #behind = false;

  constructor(
    readonly name: string,
    requests: Requests,
    send: (frame: Say) => void,
    told: (event: RoomEvent) => void,
  ) {
    this.title = name;
    this.#requests = requests;
    this.#send = send;
    this.#told = told;
  }

  /** Say something; resolves when it is durable, over as many connections as it takes. */
  say(text: string, fields: Partial<Omit<Say, "type" | "room" | "text" | "ref">> = {}): Promise<Said> {
    const id = fields.id ?? crypto.randomUUID();
    const frame: Say = { type: "say", room: this.name, ...fields, id, text, ref: id };
    if (new TextEncoder().encode(JSON.stringify(frame)).length > FRAME_BYTES_MAX)
      return Promise.reject(new Error(`expected a message of at most ${FRAME_BYTES_MAX} bytes as JSON`));
    if (this.#unsaid.size >= UNSAID_MAX || this.#unsaid.has(id))
      return Promise.reject(new Error(`expected at most ${UNSAID_MAX} messages not yet said, each with its own id`));
    return new Promise((resolve, reject) => {
      const unsaid: Unsaid = { frame, sent: false, tries: 0, resolve, reject };
      this.#unsaid.set(id, unsaid);
      if (this.#inside) this.#try(unsaid);
    });
  }

  /** A page of the past: above `after`, below `before`, these `seqs`, or the newest. */
  async history(fields: { before?: number; after?: number; seqs?: readonly number[]; limit?: number } = {}): Promise<Page> {
    return (await this.#requests.ask({ type: "history", room: this.name, stream: "raw", ...fields })) as Page;
  }

  /** Take back a message of one's own. */
  async redact(seq: number): Promise<void> {
    await this.#requests.ask({ type: "redact", room: this.name, seq });
  }

  // For the client.

  get after(): { epoch: string; seq: number; turn: number } | undefined {
    return this.epoch ? { epoch: this.epoch, seq: this.seq, turn: this.turn } : undefined;
  }

  take(frame: ServerFrame): void {
    switch (frame.type) {
      case "joined":
        return this.#joined(frame);
      case "message":
        return this.#message(frame);
      case "turn":
        if (frame.turn > this.turn) {
          this.turn = frame.turn;
          this.#told(frame);
        }
        return;
      case "redacted":
        if (frame.seq <= this.seq) this.#told(frame);
        return;
      case "said":
        return this.#settle(frame.id, (unsaid) => unsaid.resolve(frame));
      case "view":
        this.view = frame.view;
        return;
      case "presence":
        if (frame.members) this.members.clear();
        for (const member of [...(frame.members ?? []), ...(frame.joined ?? [])]) this.members.set(member.id, member);
        for (const id of frame.left ?? []) this.members.delete(id);
    }
  }

  /** An error came; true if it was about something said here. */
  complain(error: ErrorFrame): boolean {
    const unsaid = this.#unsaid.get(error.ref ?? "");
    if (!unsaid) return false;
    unsaid.tries += 1;
    if (isLater(error) && unsaid.tries < SAY_TRIES_MAX) {
      unsaid.sent = false;
      setTimeout(() => this.#inside && this.#unsaid.has(unsaid.frame.id) && this.#try(unsaid), wait_ms(error));
    } else {
      this.#settle(unsaid.frame.id, () => unsaid.reject(new Refused(error)));
    }
    return true;
  }

  cut(): void {
    this.#inside = false;
    this.#behind = false;
  }

  /** We are somebody else now, for whom ids begin anew. */
  abandon(): void {
    this.turn = 0;
    for (const unsaid of [...this.#unsaid.values()].filter((each) => each.sent))
      this.#settle(unsaid.frame.id, () => unsaid.reject(new Cut("the session was lost: look whether it was said")));
  }

  end(why: Error): void {
    this.#inside = false;
    for (const unsaid of [...this.#unsaid.values()]) this.#settle(unsaid.frame.id, () => unsaid.reject(why));
  }

  #joined(frame: Joined): void {
    const first = this.epoch === "";
    const new_log = !first && this.epoch !== frame.epoch;
    const { seq } = this;
    this.#inside = true;
    this.title = frame.title;
    this.view = frame.view;
    this.#head = frame.head;
    this.members.clear();
    for (const member of frame.members) this.members.set(member.id, member);
    if (first || new_log || !frame.recovered) {
      const missed = frame.head - seq;
      if (!first && !new_log && frame.view === null && missed >= 0 && missed <= MISSED_MAX) void this.#catchUp();
      else {
        this.epoch = frame.epoch;
        this.seq = frame.head;
        if (!first) this.#told({ type: "missed", room: this.name, after: seq, to: frame.head, new_log });
      }
    }
    for (const unsaid of this.#unsaid.values()) this.#try(unsaid);
  }

  #message(message: Message): void {
    this.#head = Math.max(this.#head, message.seq);
    if (message.seq <= this.seq || this.#behind) return;
    if (this.view === null && message.seq > this.seq + 1) return void this.#catchUp();
    this.seq = message.seq;
    this.#told(message);
  }

  /** Read from the log what was not sent; what comes meanwhile is read there, too. */
  async #catchUp(): Promise<void> {
    if (this.#behind) return;
    this.#behind = true;
    try {
      while (this.#behind && this.seq < this.#head) {
        const { items } = await this.history({ after: this.seq, limit: PAGE_ITEMS_MAX });
        if (items.length === 0) break;
        for (const item of items) {
          if (item.type !== "message" || item.seq <= this.seq) continue;
          this.seq = item.seq;
          this.#told(item);
        }
      }
      this.#behind = false;
    } catch {
      // The connection was cut: the next `joined` begins again from `seq`.
    }
  }

  #try(unsaid: Unsaid): void {
    unsaid.sent = true;
    this.#send(unsaid.frame);
  }

  #settle(id: string, how: (unsaid: Unsaid) => void): void {
    const unsaid = this.#unsaid.get(id);
    this.#unsaid.delete(id);
    if (unsaid) how(unsaid);
  }
}

export class Client {
  you: You | null = null;
  readonly #socket: Socket;
  readonly #requests: Requests;
  readonly #rooms = new Map<string, Room>();
  readonly #hooks: Hooks;

  /** `url` is a server's `/ws`. Begin with `start`. */
  constructor(url: string, credentials: Credentials = {}, hooks: Hooks = {}) {
    this.#hooks = hooks;
    this.#socket = new Socket(url, { kind: "agent", client: "cadence-client", ...credentials }, {
      deliver: (frame) => this.#take(frame),
      changed: ({ phase, stopped }) => phase !== "open" && this.#cut(stopped),
      remember: (session) => hooks.session?.(session),
      refused: (what, message) => hooks.refused?.(what, message),
    });
    this.#requests = new Requests((frame) => this.#socket.send(frame));
  }

  start(): void {
    this.#socket.feed({ on: "start" });
  }

  close(): void {
    this.#socket.feed({ on: "stop" });
    for (const room of this.#rooms.values()) room.end(new Cut("this client was closed"));
  }

  /** Be in a room from now on, over all connections. `told` gets messages; with `all`, whatever happens there. */
  join(name: string, told: (message: Message) => void, all?: (event: RoomEvent) => void): Room {
    const known = this.#rooms.get(name);
    if (known) return known;
    const tell = all ?? ((event: RoomEvent) => event.type === "message" && told(event));
    const room = new Room(name, this.#requests, (frame) => this.#socket.send(frame), tell);
    this.#rooms.set(name, room);
    if (this.#socket.connection.phase === "open") this.#enter(room);
    return room;
  }

  #enter(room: Room): void {
    const after = room.after;
    this.#socket.send({ type: "join", room: room.name, ref: `join ${room.name}`, ...(after ? { after } : {}) });
  }

  #take(frame: ServerFrame): void {
    if (frame.type === "welcome") {
      const another = this.you !== null && this.you.id !== frame.you.id;
      this.you = frame.you;
      for (const room of this.#rooms.values()) {
        if (another) room.abandon();
        this.#enter(room);
      }
      return;
    }
    if (frame.type === "error") return this.#complain(frame);
    if (this.#requests.settle(frame)) return;
    const room = "room" in frame && frame.room !== undefined ? this.#rooms.get(frame.room) : undefined;
    room?.take(frame);
  }

  #complain(error: ErrorFrame): void {
    const room = error.ref?.startsWith("join ") ? this.#rooms.get(error.ref.slice("join ".length)) : undefined;
    if (room && isLater(error)) {
      setTimeout(() => this.#socket.connection.phase === "open" && this.#enter(room), wait_ms(error));
      return;
    }
    if (room) {
      this.#rooms.delete(room.name);
      room.end(new Refused(error));
      this.#hooks.stopped?.(error.code, error.message);
      return;
    }
    if (this.#requests.settle(error)) return;
    for (const each of this.#rooms.values()) if (each.complain(error)) return;
  }

  #cut(stopped: { reason: string; message: string } | null): void {
    this.#requests.cut();
    for (const room of this.#rooms.values()) room.cut();
    if (!stopped) return;
    for (const room of this.#rooms.values()) room.end(new Cut(stopped.message || stopped.reason));
    this.#hooks.stopped?.(stopped.reason, stopped.message);
  }
}
