import { Connection, type ConnectionAction, type ConnectionEvent, type Credentials } from "./connection";
import { SUBPROTOCOL, type ClientFrame, type ServerFrame } from "./protocol";

const CLOSE_GOING = 1000;
const CLOSE_GIVEN_UP = 4900; // ours, for a line that went silent; a browser may send 3000 to 4999

export interface Hooks {
  deliver(frame: ServerFrame): void;
  /** The connection's state moved; `wait_s` is set when a retry is due. */
  changed(connection: Connection, wait_s?: number): void;
  remember(session: string | null): void;
  refused(what: "ticket" | "name", message: string): void;
}

/** The shell around `Connection`: one WebSocket, one retry timer, one heartbeat. Decides nothing. */
export class Socket {
  readonly connection: Connection;
  readonly #hooks: Hooks;
  readonly #url: string;
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #heart: ReturnType<typeof setInterval> | undefined;

  constructor(url: string, credentials: Credentials, hooks: Hooks) {
    this.#url = url;
    this.connection = new Connection(credentials);
    this.#hooks = hooks;
  }

  feed(event: ConnectionEvent): void {
    const actions = this.connection.handle(event);
    const wait = actions.find((action) => action.do === "wait");
    this.#hooks.changed(this.connection, wait?.do === "wait" ? wait.seconds : undefined);
    for (const action of actions) this.#carry(action);
  }

  send(frame: ClientFrame): void {
    this.feed({ on: "send", frame });
  }

  #carry(action: ConnectionAction): void {
    switch (action.do) {
      case "open":
        return this.#open();
      case "close":
        clearTimeout(this.#retry);
        return this.#socket?.close(CLOSE_GOING);
      case "abandon":
        return this.#abandon();
      case "send":
        return this.#socket?.send(JSON.stringify(action.frame));
      case "deliver":
        return this.#hooks.deliver(action.frame);
      case "wait":
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.feed({ on: "due" }), action.seconds * 1000);
        return;
      case "beat":
        clearInterval(this.#heart);
        this.#heart = setInterval(() => this.feed({ on: "beat" }), action.seconds * 1000);
        return;
      case "remember":
        return this.#hooks.remember(action.session);
      case "forget":
        return this.#hooks.remember(null);
      case "refused":
        return this.#hooks.refused(action.what, action.message);
    }
  }

  #open(): void {
    clearTimeout(this.#retry);
    const socket = new WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => this.#from(socket, { on: "opened" });
    socket.onclose = (event) => this.#ended(socket, event.code);
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const frame = parse(event.data);
      if (frame) this.#from(socket, { on: "frame", frame });
    };
  }

  /** A dead line may never report its own end, so the machine is told at once. */
  #abandon(): void {
    const socket = this.#socket;
    if (!socket) return;
    socket.close(CLOSE_GIVEN_UP);
    this.#ended(socket, CLOSE_GIVEN_UP);
  }

  #ended(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearInterval(this.#heart);
    this.feed({ on: "closed", code, roll: Math.random() });
  }

  /** Words of a socket that was given up are not ours any more. */
  #from(socket: WebSocket, event: ConnectionEvent): void {
    if (socket === this.#socket) this.feed(event);
  }
}

function parse(data: unknown): ServerFrame | null {
  if (typeof data !== "string") return null;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && "type" in frame ? (frame as ServerFrame) : null;
  } catch {
    return null;
  }
}
