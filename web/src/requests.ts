import type { ClientFrame, ErrorFrame, ServerFrame } from "./protocol";

export const REQUESTS_PENDING_MAX = 64;

/** The server said no: `code` and `field` are the protocol's, the message is for people. */
export class Refused extends Error {
  constructor(readonly frame: ErrorFrame) {
    super(frame.message);
  }
}

/** No answer will come: the line was cut, or too much is under way. */
export class Cut extends Error {}

interface Waiting {
  resolve(frame: ServerFrame): void;
  reject(error: Error): void;
}

/** Pairs requests with their replies by `ref`. */
export class Requests {
  #waiting = new Map<string, Waiting>();
  #last = 0;
  readonly #send: (frame: ClientFrame) => void;

  constructor(send: (frame: ClientFrame) => void) {
    this.#send = send;
  }

  /** Send `frame` and answer with what comes back; rejects with `Refused` or `Cut`. */
  ask(frame: ClientFrame): Promise<ServerFrame> {
    if (this.#waiting.size >= REQUESTS_PENDING_MAX) return Promise.reject(new Cut("too many requests under way"));
    const ref = `r${(this.#last += 1)}`;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, { resolve, reject });
      this.#send({ ...frame, ref });
    });
  }

  /** Hand a server's frame to whoever asked for it. True if somebody did. */
  settle(frame: ServerFrame): boolean {
    const ref = "ref" in frame ? frame.ref : undefined;
    const waiting = ref === undefined ? undefined : this.#waiting.get(ref);
    if (ref === undefined || !waiting) return false;
    this.#waiting.delete(ref);
    if (frame.type === "error") waiting.reject(new Refused(frame));
    else waiting.resolve(frame);
    return true;
  }

  /** The line was cut: nobody waits any longer. */
  cut(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const each of waiting) each.reject(new Cut("the connection was lost"));
  }
}
