import { debounce } from "./debounce";
import type { Ask } from "./loader";
import type { Focus, View, ViewPatch, ViewReply, ViewRequest } from "./protocol";
import { Refused } from "./requests";

export const VIEW_DELAY_MS = 250;

/**
 * One reader's view as this page shows it: what the server last said, with this person's unsent changes over it. Used for
 * one's own view, and by a host for another reader's (`participant`).
 */
export class ViewEditor {
  locked = $state.raw<readonly string[]>([]);
  setBy = $state("");
  refusal = $state("");
  #view = $state.raw<View | null>(null);
  #unsent = $state.raw<ViewPatch>({});
  readonly #room: string;
  readonly #participant: string | null;
  readonly #ask: Ask;
  readonly #later = debounce(() => void this.#send(), VIEW_DELAY_MS);

  constructor(ask: Ask, room: string, participant: string | null = null) {
    this.#ask = ask;
    this.#room = room;
    this.#participant = participant;
  }

  /** What the controls stand at. */
  get shown(): View | null {
    return this.#view && { ...this.#view, ...this.#unsent };
  }

  /** Change fields soon; a slider calls this at every step. */
  edit(patch: ViewPatch): void {
    this.#unsent = { ...this.#unsent, ...patch };
    this.refusal = "";
    this.#later();
  }

  /** Change fields now. */
  set(patch: ViewPatch): void {
    this.edit(patch);
    this.#later.flush();
  }

  follow(id: string, on: boolean): void {
    const { follow = [], ...rest } = this.shown?.focus ?? {};
    const ids = on ? [...new Set([...follow, id])] : follow.filter((each) => each !== id);
    const focus: Focus = { ...rest, follow: ids };
    this.set({ focus });
  }

  follows(id: string): boolean {
    return this.shown?.focus.follow?.includes(id) ?? false;
  }

  /** A host replaces the list of locked fields. */
  lock(fields: readonly string[]): Promise<void> {
    return this.#request({ lock: fields });
  }

  /** Ask how this reader reads now: a change of nothing answers with the whole. */
  refresh(): Promise<void> {
    return this.#request({});
  }

  /** What the server says holds; `joined` brings a view alone, `view` frames the locks as well. */
  take(view: View | null, frame?: ViewReply): void {
    this.#view = view;
    if (!frame) return;
    this.locked = frame.locked;
    this.setBy = frame.set_by;
  }

  /** After a cut: send what had not been answered. */
  resume(): void {
    if (Object.keys(this.#unsent).length) this.#later();
  }

  async #send(): Promise<void> {
    const sent = this.#unsent;
    await this.#request(sent, () => {
      const left = Object.entries(this.#unsent).filter(([name, value]) => sent[name as keyof ViewPatch] !== value);
      this.#unsent = Object.fromEntries(left);
    });
  }

  /** `done` runs when the server has answered, with yes or no; a cut leaves everything to be sent again. */
  async #request(fields: Omit<ViewRequest, "type" | "room">, done?: () => void): Promise<void> {
    const participant = this.#participant === null ? {} : { participant: this.#participant };
    try {
      const frame = await this.#ask({ type: "view", room: this.#room, ...participant, ...fields });
      if (frame.type === "view") this.take(frame.view, frame);
      done?.();
    } catch (error) {
      if (!(error instanceof Refused)) return;
      this.refusal = error.message;
      const field = error.frame.field;
      if (error.frame.code === "forbidden" && field && !this.locked.includes(field))
        this.locked = [...this.locked, field];
      done?.();
    }
  }
}
