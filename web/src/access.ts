import { reasonOf } from "./rooms";

/** Who may read a room, as `GET /api/rooms/{room}/access` tells it to hosts. */
export interface Reader {
  readonly user: string;
  readonly name: string;
  readonly role: string;
  readonly why: "invited" | "persona" | "here" | "host";
  readonly here: boolean;
  readonly can_come: boolean;
}

export interface Access {
  readonly title: string;
  readonly public: boolean;
  readonly made_here: boolean;
  readonly readers: readonly Reader[];
}

export interface Invited {
  readonly user: string;
  readonly name: string;
  /** Told this once, to somebody new. */
  readonly token?: string;
}

type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** What a host asks over HTTP. Every method rejects with a sentence for people. */
export class Office {
  readonly #page: string;
  readonly #session: () => string;
  readonly #fetch: Fetch;

  constructor(page: string, session: () => string, ask: Fetch = (url, init) => fetch(url, init)) {
    this.#page = page;
    this.#session = session;
    this.#fetch = ask;
  }

  make(room: string, title: string, open: boolean): Promise<unknown> {
    return this.#ask("POST", ["rooms"], { room, title, public: open });
  }

  change(room: string, open: boolean): Promise<unknown> {
    return this.#ask("PATCH", ["rooms", room], { public: open });
  }

  access(room: string): Promise<Access> {
    return this.#ask("GET", ["rooms", room, "access"]) as Promise<Access>;
  }

  invite(room: string, name: string): Promise<Invited> {
    return this.#ask("POST", ["rooms", room, "invitations"], { name }) as Promise<Invited>;
  }

  dismiss(room: string, user: string): Promise<unknown> {
    return this.#ask("DELETE", ["rooms", room, "invitations", user]);
  }

  async #ask(method: string, steps: readonly string[], body?: unknown): Promise<unknown> {
    const url = new URL(`api/${steps.map(encodeURIComponent).join("/")}`, this.#page);
    const init: RequestInit = { method, headers: { Authorization: `Bearer ${this.#session()}` } };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await this.#fetch(url, init);
    const answer: unknown = response.status === 204 ? null : await response.json().catch(() => null);
    if (!response.ok) throw new Error(reasonOf(answer) ?? `the server answered ${response.status}`);
    return answer;
  }
}

/** An id for a room of this title, that is not taken: `The nook` becomes `the-nook`, then `the-nook-2`. */
export function idFor(title: string, taken: readonly string[]): string {
  const plain = title.normalize("NFKD").toLowerCase();
  const id =
    plain
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[^a-z0-9]+/g, "-")
      .slice(0, 56)
      .replace(/^-+|-+$/g, "") || "room";
  let [free, number] = [id, 1];
  while (taken.includes(free)) free = `${id}-${++number}`;
  return free;
}

/** The address that lets its bearer into `room`. */
export function linkFor(page: string, room: string, token: string): string {
  const url = new URL(page);
  url.search = "";
  url.hash = `room=${encodeURIComponent(room)}&ticket=${encodeURIComponent(token)}`;
  return url.href;
}
