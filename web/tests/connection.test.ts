import { describe, expect, test } from "vitest";
import { Connection, RETRY_LONGEST_S, type ConnectionAction } from "../src/connection";
import { welcome } from "./frames";

function opened(credentials = {}): Connection {
  const connection = new Connection(credentials);
  connection.handle({ on: "start" });
  connection.handle({ on: "opened" });
  return connection;
}

function met(credentials = {}): Connection {
  const connection = opened(credentials);
  connection.handle({ on: "frame", frame: welcome() });
  return connection;
}

function lost(connection: Connection, code = 1006, roll = 1): ConnectionAction[] {
  return connection.handle({ on: "closed", code, roll });
}

function hello(connection: Connection): unknown {
  const sent = connection.handle({ on: "opened" }).find((action) => action.do === "send");
  return sent?.do === "send" ? sent.frame : null;
}

function dueThenHello(connection: Connection): unknown {
  connection.handle({ on: "due" });
  return hello(connection);
}

test("a program says what it is and what it calls itself", () => {
  const connection = new Connection({ kind: "agent", client: "a test" });
  connection.handle({ on: "start" });
  expect(hello(connection)).toEqual({ type: "hello", kind: "agent", client: "a test" });
});

test("who wants to leave closes, and does not come back", () => {
  const connection = met();
  expect(connection.handle({ on: "stop" })).toEqual([{ do: "close" }]);
  expect([lost(connection, 1000), connection.handle({ on: "due" }), connection.phase]).toEqual([[], [], "stopped"]);
});

test("failed tries are counted until one succeeds", () => {
  const connection = met();
  for (const tries of [1, 2, 3]) {
    lost(connection);
    expect(connection.attempts).toBe(tries);
    connection.handle({ on: "due" });
  }
  connection.handle({ on: "opened" });
  expect(connection.attempts).toBe(3);
  connection.handle({ on: "frame", frame: welcome() });
  expect(connection.attempts).toBe(0);
});

describe("coming in", () => {
  test("a first visit greets as a human and nothing else", () => {
    const connection = new Connection();
    expect(connection.handle({ on: "start" })).toEqual([{ do: "open" }]);
    expect(hello(connection)).toEqual({ type: "hello", kind: "human", client: "cadence-web" });
  });

  test("a returning visitor shows the session and a ticket together", () => {
    const connection = new Connection({ session: "s0", token: "t0", name: "Ann" });
    connection.handle({ on: "start" });
    expect(hello(connection)).toMatchObject({ resume: "s0", token: "t0", name: "Ann" });
  });

  test("a welcome is remembered, starts the heartbeat and is delivered", () => {
    const frame = welcome();
    expect(opened().handle({ on: "frame", frame })).toEqual([
      { do: "remember", session: "s1" },
      { do: "beat", seconds: 20 },
      { do: "deliver", frame },
    ]);
  });

  test("a ticket is shown until it is answered and never again", () => {
    const connection = opened({ token: "t0" });
    lost(connection);
    expect(dueThenHello(connection)).toMatchObject({ token: "t0" });
    connection.handle({ on: "frame", frame: welcome() });
    lost(connection);
    expect(dueThenHello(connection)).toEqual({ type: "hello", kind: "human", client: "cadence-web", resume: "s1" });
  });

  test("nothing is delivered or sent before the welcome", () => {
    const connection = opened();
    expect(connection.handle({ on: "frame", frame: { type: "pong" } })).toEqual([]);
    expect(connection.handle({ on: "send", frame: { type: "ping" } })).toEqual([]);
  });
});

describe("being refused", () => {
  test("a spent ticket falls back to the session, then to coming as a guest", () => {
    const connection = opened({ token: "t0", session: "s0" });
    connection.handle({ on: "frame", frame: { type: "error", code: "unauthorized", message: "used before" } });
    expect(lost(connection, 4003)).toEqual([{ do: "refused", what: "ticket", message: "used before" }, { do: "open" }]);
    expect(hello(connection)).toMatchObject({ resume: "s0" });
    expect(lost(connection, 4003)).toEqual([{ do: "forget" }, { do: "open" }]);
    expect(hello(connection)).not.toHaveProperty("resume");
  });

  test("with nothing left to show it stops and says why", () => {
    const connection = opened();
    connection.handle({ on: "frame", frame: { type: "error", code: "unauthorized", message: "expected a token" } });
    expect(lost(connection, 4003)).toEqual([]);
    expect(connection.phase).toBe("stopped");
    expect(connection.stopped).toEqual({ reason: "unauthorized", message: "expected a token" });
  });

  test("a token that a person types opens a stopped page", () => {
    const connection = opened();
    lost(connection, 4003);
    expect(connection.handle({ on: "identify", token: "abc" })).toEqual([{ do: "open" }]);
    expect(hello(connection)).toMatchObject({ token: "abc" });
    expect(connection.stopped).toBeNull();
  });

  test("a name that is taken is dropped and the greeting said again on the same line", () => {
    const connection = opened({ name: "Vera" });
    const actions = connection.handle({ on: "frame", frame: { type: "error", code: "conflict", message: "taken" } });
    expect(actions[0]).toEqual({ do: "refused", what: "name", message: "taken" });
    expect(actions[1]).toEqual({ do: "send", frame: { type: "hello", kind: "human", client: "cadence-web" } });
  });

  test.each([
    [4000, "protocol"],
    [4010, "kicked"],
    [4011, "banned"],
  ])("close %i is final: %s", (code, reason) => {
    const connection = met();
    expect(lost(connection, code)).toEqual([]);
    expect(connection.phase).toBe("stopped");
    expect(connection.stopped?.reason).toBe(reason);
    expect(connection.handle({ on: "due" })).toEqual([]);
  });
});

describe("coming back", () => {
  test.each([1006, 1012, 4001, 4008])("close %i is tried again", (code) => {
    const connection = met();
    expect(lost(connection, code)).toEqual([{ do: "wait", seconds: 0.5 }]);
    expect(connection.handle({ on: "due" })).toEqual([{ do: "open" }]);
  });

  test("waits double up to a bound and start over after a welcome", () => {
    const connection = met();
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const [wait] = lost(connection);
      if (wait?.do === "wait") waits.push(wait.seconds);
      connection.handle({ on: "due" });
    }
    expect(waits).toEqual([0.5, 1, 2, 4, 8, 16, RETRY_LONGEST_S, RETRY_LONGEST_S]);
    connection.handle({ on: "opened" });
    connection.handle({ on: "frame", frame: welcome() });
    expect(lost(connection)).toEqual([{ do: "wait", seconds: 0.5 }]);
  });

  test("the jitter halves a wait at most", () => {
    expect(lost(met(), 1006, 0)).toEqual([{ do: "wait", seconds: 0.25 }]);
  });

  test("a server that announces its restart says when to come back", () => {
    const connection = met();
    expect(connection.handle({ on: "frame", frame: { type: "reconnect", after_s: 3 } })).toEqual([]);
    expect(connection.leaving).toBe(true);
    expect(lost(connection, 1012, 0.5)).toEqual([{ do: "wait", seconds: 3.25 }]);
  });

  test("a person or the network may hurry a wait, once", () => {
    const connection = met();
    lost(connection);
    expect(connection.handle({ on: "hurry" })).toEqual([{ do: "open" }]);
    expect(connection.handle({ on: "due" })).toEqual([]);
  });

  test("a line that answers no ping is given up, one that answers is kept", () => {
    const silent = met();
    expect(silent.handle({ on: "beat" })).toEqual([{ do: "send", frame: { type: "ping" } }]);
    silent.handle({ on: "beat" });
    expect(silent.handle({ on: "beat" })).toEqual([{ do: "abandon" }]);
    const alive = met();
    for (let beat = 0; beat < 5; beat += 1) {
      expect(alive.handle({ on: "beat" })).toEqual([{ do: "send", frame: { type: "ping" } }]);
      alive.handle({ on: "frame", frame: { type: "pong" } });
    }
  });

  test("a new name closes the line, then comes back with the same session", () => {
    const connection = met();
    expect(connection.handle({ on: "identify", name: "Bea" })).toEqual([{ do: "close" }]);
    expect(lost(connection, 1000)).toEqual([{ do: "open" }]);
    expect(hello(connection)).toMatchObject({ name: "Bea", resume: "s1" });
  });
});
