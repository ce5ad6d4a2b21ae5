import assert from "node:assert/strict";
import { test } from "node:test";
import { Versions } from "../src/versions.ts";

const payment = (id: string, version: number) => ({ __typename: "Payment", id, version });

test("what is older than what was seen is told, at any depth, and all that is newer is remembered", () => {
  const versions = new Versions();
  const list = (...nodes: unknown[]) => ({ viewer: { payments: { edges: nodes.map((node) => ({ node })) } } });

  assert.equal(versions.isOlder(list(payment("a", 1), payment("b", 4))), false);
  assert.equal(versions.isOlder({ viewerEvents: { payment: payment("a", 3) } }), false);
  assert.equal(versions.isOlder(list(payment("a", 2), payment("b", 5))), true);
  assert.equal(versions.isOlder(payment("a", 3)), false);
  assert.equal(versions.isOlder(payment("b", 4)), true);
  assert.equal(versions.isOlder({ ...payment("a", 0), __typename: "Kyc" }), false);
  assert.equal(versions.isOlder(null), false);
});
