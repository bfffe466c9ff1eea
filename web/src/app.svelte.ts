import { readAddress, socketUrl, writeAddress } from "./address";
import type { Connection, Phase } from "./connection";
import type { ServerFrame, Welcome, You } from "./protocol";
import { Requests } from "./requests";
import { Room } from "./room.svelte";
import { chooseRoom, listRooms, type RoomEntry } from "./rooms";
import { spoken } from "./segments";
import { Socket } from "./socket";
import { kept, readCursor, writeCursor } from "./storage";
import { strings } from "./strings";

/** The whole page's state: the line to the server, who one is, which rooms there are, which one is open. */
export class App {
  phase = $state<Phase>("idle");
  stopped = $state.raw<Connection["stopped"]>(null);
  leaving = $state(false);
  /** How many tries in a row have failed. */
  attempts = $state(0);
  /** There was a connection before this one was lost. */
  met = $state(false);
  you = $state.raw<You | null>(null);
  rooms = $state.raw<readonly RoomEntry[]>([]);
  roomsFailure = $state("");
  roomsKnown = $state(false);
  room = $state.raw<Room | null>(null);
  notice = $state("");
  /** The few words to a first visitor have been read. */
  introduced = $state(kept.read("introduced") === true);
  /** What the live region says next. */
  announcement = $state("");
  #session = kept.text("session");
  #wanted = readAddress(location.hash).room || kept.text("room");
  #wish = "";
  #soon = new Set<() => void>();
  readonly #requests: Requests;
  readonly #socket: Socket;

  constructor() {
    const { ticket } = readAddress(location.hash);
    const [session, name] = [this.#session, kept.text("name")];
    const credentials = {
      ...(session ? { session } : {}),
      ...(ticket ? { token: ticket } : {}),
      ...(name ? { name } : {}),
    };
    this.#socket = new Socket(socketUrl(document.baseURI), credentials, {
      deliver: (frame) => this.#deliver(frame),
      changed: (connection) => this.#changed(connection),
      remember: (secret) => this.#remember(secret),
      refused: (what, message) => this.#refused(what, message),
    });
    this.#requests = new Requests((frame) => this.#socket.send(frame));
    if (ticket) history.replaceState(null, "", location.pathname + location.search + writeAddress(this.#wanted));
  }

  /** The secret by which this page is known, for what is asked over HTTP. */
  get session(): string {
    return this.#session;
  }

  start(): void {
    this.#socket.feed({ on: "start" });
    window.addEventListener("online", () => this.hurry());
    window.addEventListener("hashchange", () => this.open(readAddress(location.hash).room));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.hurry();
    });
  }

  /** Do not wait for the next try. */
  hurry(): void {
    this.#socket.feed({ on: "hurry" });
  }

  rename(name: string): void {
    kept.write("name", name);
    this.#wish = name;
    this.#socket.feed({ on: "identify", name });
  }

  useToken(token: string): void {
    this.#socket.feed({ on: "identify", token });
  }

  introduce(): void {
    this.introduced = true;
    kept.write("introduced", true);
  }

  open(id: string): void {
    if (!id || !this.you || id === this.room?.id) return;
    if (this.room) this.#socket.send({ type: "leave", room: this.room.id });
    this.#wanted = id;
    kept.write("room", id);
    history.replaceState(null, "", writeAddress(id));
    const user = this.you.id;
    this.room = new Room(id, this.you, readCursor(kept, user, id), {
      ask: (frame) => this.#requests.ask(frame),
      send: (frame) => this.#socket.send(frame),
      soon: (act) => this.#run(act),
      keep: (room, cursor) => writeCursor(kept, user, room, cursor),
      announce: (turn, name) => (this.announcement = spoken(turn, name)),
      titleOf: (room) => this.rooms.find((each) => each.room === room)?.title ?? room,
      visit: (room) => this.open(room),
    });
    void this.room.join();
  }

  async refreshRooms(): Promise<void> {
    try {
      this.rooms = await listRooms(document.baseURI, this.#session);
      this.roomsFailure = "";
    } catch (error) {
      this.roomsFailure = error instanceof Error ? error.message : String(error);
    }
    this.roomsKnown = true;
  }

  #changed(connection: Connection): void {
    if (this.phase === "open" && connection.phase !== "open") this.#requests.cut();
    this.phase = connection.phase;
    this.stopped = connection.stopped;
    this.leaving = connection.leaving;
    this.attempts = connection.attempts;
  }

  #deliver(frame: ServerFrame): void {
    if (frame.type === "welcome") return void this.#welcomed(frame);
    // What was taken back in another room may have been overheard in this one.
    if (frame.type === "redacted" || ("room" in frame && frame.room === this.room?.id)) this.room?.receive(frame);
    this.#requests.settle(frame);
  }

  async #welcomed({ you }: Welcome): Promise<void> {
    if (this.#wish && you.name !== this.#wish) this.notice = strings.you.kept;
    else if (this.met) this.notice = "";
    this.#wish = "";
    this.met = true;
    const same = this.you?.id === you.id;
    this.you = you;
    if (same && this.room) void this.room.join();
    else this.room = null; // somebody else now: nothing of what was shown here is theirs
    await this.refreshRooms();
    if (this.room || this.you !== you) return;
    this.open(chooseRoom(this.rooms, this.#wanted));
  }

  #remember(secret: string | null): void {
    this.#session = secret ?? "";
    kept.write("session", secret);
  }

  #refused(what: "ticket" | "name", message: string): void {
    if (what === "ticket") this.notice = strings.line.ticketSpent;
    else {
      kept.write("name", null);
      this.#wish = "";
      this.notice = strings.you.taken(message);
    }
  }

  /** Gather what a burst of frames changes into one change a screen frame; a hidden page has no screen frames. */
  #run(act: () => void): void {
    if (document.hidden) return act();
    if (this.#soon.size === 0) {
      requestAnimationFrame(() => {
        const acts = [...this.#soon];
        this.#soon.clear();
        for (const each of acts) each();
      });
    }
    this.#soon.add(act);
  }
}
