/** The part of the address behind `#`: a ticket to come in with (used once, then gone) and the room that is open. Pure. */
export interface Place {
  readonly ticket: string;
  readonly room: string;
}

export function readAddress(hash: string): Place {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  return { ticket: fields.get("ticket") ?? "", room: fields.get("room") ?? "" };
}

export function writeAddress(room: string): string {
  return room ? `#room=${encodeURIComponent(room)}` : "";
}

/** The server's websocket beside this page, under whatever path it is served. */
export function socketUrl(page: string): string {
  const url = new URL("ws", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  url.search = "";
  return url.href;
}
