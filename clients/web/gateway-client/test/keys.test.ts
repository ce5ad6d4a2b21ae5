import assert from "node:assert/strict";
import { test } from "node:test";
import { IdempotencyKeys } from "../src/keys.ts";

function store() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
}

const WISH = { creditorName: "Ola Hansen", amount: { amountMinor: "12500" } };
const OTHER = { ...WISH, creditorName: "Kari" };

test("the same wish has the same key after a reload, until its answer is known", async () => {
  const tab = store();
  const key = await new IdempotencyKeys(tab).keyOf("pay", WISH);

  assert.equal(await new IdempotencyKeys(tab).keyOf("pay", { ...WISH }), key);
  await new IdempotencyKeys(tab).done("pay", WISH);
  assert.equal(tab.kept.size, 0);
  assert.notEqual(await new IdempotencyKeys(tab).keyOf("pay", WISH), key);
});

test("anything else that is asked is another wish", async () => {
  const keys = new IdempotencyKeys(store());
  const first = await keys.keyOf("pay", WISH);

  assert.notEqual(await keys.keyOf("pay", OTHER), first);
  assert.notEqual(await keys.keyOf("refund", WISH), first);
});

test("a wish without an answer keeps its key while others are asked and answered", async () => {
  const keys = new IdempotencyKeys(store());
  const first = await keys.keyOf("pay", WISH);
  await keys.keyOf("pay", OTHER);
  await keys.done("pay", OTHER);

  assert.equal(await keys.keyOf("pay", WISH), first);
});

test("no name and no amount is kept", async () => {
  const tab = store();
  await new IdempotencyKeys(tab).keyOf("pay", WISH);

  assert.doesNotMatch([...tab.kept].join(), /Ola|12500/);
});
