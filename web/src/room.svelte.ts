import { introductions, newest, rawBefore, turnsAbove, type Past } from "./history";
import { ListState } from "./list.svelte";
import { messagesAfter, messagesAt, messagesBefore, type Ask } from "./loader";
import { present, sorted } from "./members";
import { ended, frameOf, holding, type Held, type Sanction } from "./moderation";
import { Originals } from "./originals";
import type { Alex, ClientFrame, Joined, Member, Message, Segment, ServerFrame, Turn, ViewReply, You } from "./protocol";
import { Cut, Refused } from "./requests";
import { Saying } from "./saying.svelte";
import { speakersOf } from "./segments";
import { Speakers } from "./speakers";
import type { Cursor } from "./storage";
import { strings } from "./strings";
import { Timeline } from "./timeline";
import { TYPING_EVERY_MS, TYPING_MS, stopped, typed, writing, type Typists } from "./typing";
import { ViewEditor } from "./view.svelte";

export interface Link {
  readonly ask: Ask;
  send(frame: ClientFrame): void;
  /** Run soon, at most once a frame. */
  soon(act: () => void): void;
  keep(room: string, cursor: Cursor): void;
  announce(turn: Turn, name: (id: string) => string): void;
  /** What another room is called. */
  titleOf(room: string): string;
  /** Go to another room. */
  visit(room: string): void;
}

/** One room as one reader sees it: frames go in, runes tell the page what changed. */
export class Room {
  readonly id: string;
  readonly you: You;
  readonly timeline = new Timeline();
  readonly originals = new Originals();
  readonly speakers = new Speakers();
  readonly list = new ListState();
  readonly view: ViewEditor;
  readonly saying: Saying;
  title = $state("");
  opened = $state(false);
  refusal = $state("");
  notice = $state("");
  members = $state.raw<readonly Member[]>([]);
  memberCount = $state(0);
  alex = $state.raw<Alex | null>(null);
  typists = $state.raw<Typists>([]);
  /** Mutes and bans that this page set and can end. */
  held = $state.raw<readonly Held[]>([]);
  loading = $state<"first" | "older" | null>("first");
  /** No older turn or message can be asked for. */
  complete = $state(false);
  head = $state(0);
  /** Moves whenever the timeline, the originals or the speakers do. */
  version = $state(0);
  #readers = new Map<string, ViewEditor>();
  #typed_at = -Infinity;
  #cursor: Cursor | null;
  #waiting: (Message | Turn)[] = [];
  #asked = new Set<string>();
  readonly #link: Link;

  constructor(id: string, you: You, cursor: Cursor | null, link: Link) {
    this.id = id;
    this.you = you;
    this.#cursor = cursor;
    this.#link = link;
    this.view = new ViewEditor(link.ask, id);
    this.saying = new Saying(id, link.ask);
  }

  get raw(): boolean {
    return this.view.shown?.mode === "raw";
  }

  /** The seq before which nothing here was shown; null while it is not known. */
  get beginsAt(): number | null {
    void this.version;
    if (this.loading === "first" || !this.complete) return null;
    return this.timeline.floor() ?? this.head + 1;
  }

  /** Enter, or enter again after a cut: says how far this page has come. */
  async join(): Promise<void> {
    const after = this.#cursor && { epoch: this.#cursor.epoch, seq: this.#cursor.seq, turn: this.#cursor.turn };
    try {
      await this.#link.ask({ type: "join", room: this.id, ...(after ? { after } : {}) });
    } catch (error) {
      if (error instanceof Refused) this.refusal = error.message;
    }
  }

  receive(frame: ServerFrame): void {
    switch (frame.type) {
      case "joined":
        return this.#joined(frame);
      case "message":
      case "turn":
        this.#waiting.push(frame);
        return this.#link.soon(() => this.flush());
      case "redacted":
        this.flush();
        this.timeline.redact(frame.seq, frame.room === this.id ? undefined : frame.room);
        if (frame.room === this.id) this.originals.redact(frame.seq);
        this.version += 1;
        return;
      case "alex":
        this.alex = frame;
        return;
      case "view":
        return this.#viewed(frame);
      case "typing":
        this.typists = typed(this.typists, frame.participant, Date.now());
        setTimeout(() => (this.typists = writing(this.typists, Date.now())), TYPING_MS + 1);
        return;
      case "presence":
        this.typists = stopped(this.typists, frame.left ?? []);
        this.members = present(this.members, frame);
        this.memberCount = frame.member_count ?? Math.max(this.members.length, this.memberCount);
        return this.#meet(this.members);
    }
  }

  /** Take in what has come since the last frame of the screen. */
  flush(): void {
    const frames = this.#waiting;
    if (frames.length === 0) return;
    this.#waiting = [];
    this.#take(frames);
    this.#advance(frames);
    const turn = frames.findLast((frame) => frame.type === "turn");
    if (turn) this.#link.announce(turn, (id) => this.speakers.name(id));
  }

  /** Where something overheard was said: the other room's title; null for this one. */
  elsewhere(segment: Segment): string | null {
    return segment.room === undefined || segment.room === this.id ? null : this.#link.titleOf(segment.room);
  }

  visit(room: string): void {
    this.#link.visit(room);
  }

  /** This person is writing: tell the others now and then. */
  types(): void {
    const now = Date.now();
    if (now - this.#typed_at < TYPING_EVERY_MS) return;
    this.#typed_at = now;
    this.#link.send({ type: "typing", room: this.id });
  }

  /** Mute, kick or ban `member`, as a host; answers why it was refused, or nothing. */
  async moderate(what: Sanction, member: Member, for_s?: number): Promise<string> {
    const refusal = await this.#order(frameOf(what, this.id, member.id, for_s));
    if (!refusal) this.held = holding(this.held, what, member);
    return refusal;
  }

  /** End a mute or a ban. */
  async release(held: Held): Promise<void> {
    const refusal = await this.#order(frameOf(held.what, this.id, held.id, 0));
    if (refusal) this.notice = refusal;
    else this.held = ended(this.held, held);
  }

  /** The view of another reader, for a host. */
  reader(id: string): ViewEditor {
    const known = this.#readers.get(id);
    if (known) return known;
    const editor = new ViewEditor(this.#link.ask, this.id, id);
    this.#readers.set(id, editor);
    void editor.refresh();
    return editor;
  }

  /** Load what was before the oldest thing here. */
  async older(): Promise<void> {
    if (this.loading || this.complete || !this.opened) return;
    this.loading = "older";
    await this.#quietly(async () => {
      const { ask } = this.#link;
      const before = this.timeline.floor() ?? this.head + 1;
      await this.#past(
        await (this.raw ? rawBefore(ask, this.id, before) : turnsAbove(ask, this.id, this.timeline.oldestTurn())),
      );
    });
    this.loading = null;
  }

  /** Fetch some originals from the start of a hole (`forward`) or from its end. */
  async fetchHole(from: number, to: number, forward: boolean): Promise<void> {
    const page = forward
      ? messagesAfter(this.#link.ask, this.id, from - 1)
      : messagesBefore(this.#link.ask, this.id, to + 1);
    this.#store((await page).items);
  }

  /** Fetch these messages if they are not here. */
  async fetch(seqs: readonly number[]): Promise<void> {
    const missing = this.originals.missing(seqs);
    if (missing.length) this.#store(await messagesAt(this.#link.ask, this.id, missing));
  }

  /** Ask Alex a question, or (empty) what was missed; the answer comes as a turn. Returns why not, or "". */
  async question(text: string): Promise<string> {
    const about = text ? ({ what: "question", text } as const) : ({ what: "catch_up" } as const);
    try {
      await this.#link.ask({ type: "ask", room: this.id, ...about });
      this.flush();
      this.list.toEnd(this.timeline.length);
      return "";
    } catch (error) {
      if (error instanceof Refused) return error.message;
      if (error instanceof Cut) return strings.ask.cut;
      throw error;
    }
  }

  read(turn: number, dwell_s?: number): void {
    this.#link.send({ type: "read", room: this.id, turn, ...(dwell_s === undefined ? {} : { dwell_s }) });
  }

  async #order(frame: ClientFrame): Promise<string> {
    try {
      await this.#link.ask(frame);
      return "";
    } catch (error) {
      if (error instanceof Refused || error instanceof Cut) return error.message;
      throw error;
    }
  }

  #joined(frame: Joined): void {
    const known = this.#cursor?.epoch === frame.epoch;
    if (this.#cursor && (!known || !frame.recovered)) {
      if (!known && this.opened) this.notice = strings.line.restarted;
      this.#forget();
    }
    const first = !this.opened || this.loading === "first";
    this.opened = true;
    this.refusal = "";
    this.title = frame.title;
    this.head = Math.max(frame.head, known ? this.head : 0);
    this.members = sorted(frame.members);
    this.memberCount = frame.member_count;
    this.#meet(frame.members);
    this.#cursor ??= { epoch: frame.epoch, seq: frame.head, turn: 0, since: frame.head };
    this.view.take(frame.view);
    this.view.resume();
    void this.view.refresh(); // `joined` does not say what is locked
    for (const editor of this.#readers.values()) void editor.refresh();
    this.saying.resume();
    if (first) void this.#first();
  }

  #forget(): void {
    this.#cursor = null;
    this.#waiting = [];
    this.timeline.trim(0);
    this.originals.clear();
    this.list.reset();
    this.loading = "first";
    this.complete = false;
    this.version += 1;
  }

  #viewed(frame: ViewReply): void {
    if (frame.participant !== this.you.id) return this.#readers.get(frame.participant)?.take(frame.view, frame);
    const wasRaw = this.raw;
    this.view.take(frame.view, frame);
    if (wasRaw !== this.raw) this.complete = false; // the other stream may reach further back
    if (this.raw) this.alex = null;
  }

  async #first(): Promise<void> {
    this.loading = "first";
    await this.#quietly(async () => {
      const past = await newest(this.#link.ask, this.id, this.raw, this.head, this.#cursor?.since ?? 0);
      this.loading = null;
      await this.#past(past);
    });
    if (this.timeline.length) this.loading = null; // live frames came instead: what is older loads on the way up
    this.version += 1;
  }

  async #past({ shown, known, complete }: Past): Promise<void> {
    this.complete = complete;
    this.originals.put(known);
    this.#take(shown, true);
    const turns = shown.filter((frame) => frame.type === "turn");
    const strangers = (id: string) => this.speakers.knows(id) || this.#asked.has(id);
    const met = await introductions(this.#link.ask, this.id, turns, strangers);
    for (const id of turns.flatMap(speakersOf)) this.#asked.add(id);
    this.#store(met);
  }

  #store(messages: readonly Message[]): void {
    this.originals.put(messages);
    this.#meet(messages.map((message) => message.from));
    this.version += 1;
  }

  #take(frames: readonly (Message | Turn)[], history = false): void {
    const messages = frames.filter((frame) => frame.type === "message");
    this.#store(messages);
    if (!history) this.typists = stopped(this.typists, messages.map((message) => message.from.id));
    for (const message of messages) {
      this.head = Math.max(this.head, message.seq);
      if (message.from.id === this.you.id) this.saying.arrived(message.id);
    }
    for (const turn of frames) {
      if (turn.type !== "turn") continue;
      this.head = Math.max(this.head, turn.covers?.to ?? 0);
      for (const id of speakersOf(turn)) this.speakers.hue(id);
    }
    const fresh = this.timeline.add(frames);
    const trimmed = this.list.window.following ? this.timeline.trim() : 0;
    if (trimmed) this.complete = false;
    this.list.grew(this.timeline.length, history ? [] : fresh, history ? fresh.length : 0, trimmed);
    this.version += 1;
  }

  #meet(people: readonly { id: string; name: string; kind: "human" | "agent" }[]): void {
    this.speakers.meet(people);
    this.version += 1;
  }

  #advance(frames: readonly (Message | Turn)[]): void {
    if (!this.#cursor) return;
    let { seq, turn } = this.#cursor;
    for (const frame of frames) {
      if (frame.type === "message") seq = Math.max(seq, frame.seq);
      else turn = Math.max(turn, frame.turn);
    }
    this.#cursor = { ...this.#cursor, seq, turn };
    this.#link.keep(this.id, this.#cursor);
  }

  /** A cut while loading is no fault: the next `joined` loads again. */
  async #quietly(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (error instanceof Refused) this.notice = error.message;
      else if (!(error instanceof Cut)) throw error;
    }
  }
}
