import type { Ask } from "./loader";
import { add, again, drop, failed, restored, said, unsaid, type Outgoing } from "./outgoing";
import type { Say } from "./protocol";
import { Refused } from "./requests";
import { tab } from "./storage";

/** What this person is writing and what is on its way, kept in the tab so that neither a cut nor a reload loses it. */
export class Saying {
  outgoing = $state.raw<Outgoing>([]);
  #draft = $state("");
  readonly #room: string;
  readonly #ask: Ask;

  constructor(room: string, ask: Ask) {
    this.#room = room;
    this.#ask = ask;
    this.#draft = tab.text(`draft.${room}`);
    this.outgoing = restored(tab.read(`outgoing.${room}`));
  }

  get draft(): string {
    return this.#draft;
  }

  set draft(text: string) {
    this.#draft = text;
    tab.write(`draft.${this.#room}`, text || null);
  }

  say(text: string): void {
    const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.#change(add(this.outgoing, id, text));
    this.draft = "";
    void this.#send({ type: "say", room: this.#room, id, text });
  }

  again(id: string): void {
    this.#change(again(this.outgoing, id));
    const frame = unsaid(this.outgoing, this.#room).find((each) => each.id === id);
    if (frame) void this.#send(frame);
  }

  /** Give up on something that was refused; its text becomes the draft again if nothing else is being written. */
  discard(id: string): void {
    const text = this.outgoing.find((each) => each.id === id)?.text;
    this.#change(drop(this.outgoing, id));
    if (text && !this.draft) this.draft = text;
  }

  /** The message itself is here. */
  arrived(id: string): void {
    this.#change(drop(this.outgoing, id));
  }

  /** The room is joined (again): say what has not been answered, under the same ids. */
  resume(): void {
    this.#change(this.outgoing.filter((each) => each.state !== "said"));
    for (const frame of unsaid(this.outgoing, this.#room)) void this.#send(frame);
  }

  async #send(frame: Say): Promise<void> {
    try {
      const reply = await this.#ask(frame);
      if (reply.type === "said") this.#change(said(this.outgoing, reply));
    } catch (error) {
      if (error instanceof Refused) this.#change(failed(this.outgoing, frame.id, error.frame));
    }
  }

  #change(next: Outgoing): void {
    if (next === this.outgoing) return;
    this.outgoing = next;
    const kept = next.filter((each) => each.state !== "said").map(({ id, text }) => ({ id, text }));
    tab.write(`outgoing.${this.#room}`, kept.length ? kept : null);
  }
}
