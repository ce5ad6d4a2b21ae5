import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf, refusedAt, refusedElsewhere, type Refusal } from "../src/errors.ts";

const of = (extensions: Record<string, unknown>) => failureOf([{ message: "for developers", extensions }]);

test("each error calls for one reaction", () => {
  assert.deepEqual(failureOf([]), { kind: "offline" });
  assert.deepEqual(of({ code: "UNAUTHENTICATED" }), { kind: "signed-out" });
  assert.deepEqual(of({ code: "STEP_UP_REQUIRED" }), { kind: "step-up" });
  assert.deepEqual(of({ code: "RATE_LIMITED", retryAfter: 17, userMessage: "Vent" }), { kind: "again", afterS: 17, message: "Vent" });
  assert.deepEqual(of({ code: "UNAVAILABLE" }), { kind: "again", afterS: 5, message: null });
  assert.deepEqual(of({ code: "INTERNAL", reference: "r1" }), { kind: "fault", message: null, reference: "r1" });
  assert.deepEqual(of({ code: "OF_A_LATER_VERSION" }), { kind: "fault", message: null, reference: null });
});

test("a refusal is shown at its input, and one without an input apart", () => {
  const amount: Refusal = { code: "INVALID_AMOUNT", message: "Too little", field: ["input", "amount", "amountMinor"], retryable: false };
  const kyc: Refusal = { code: "KYC_REQUIRED", message: "Verify first", field: null, retryable: false };

  assert.equal(refusedAt([kyc, amount], "amount"), "Too little");
  assert.equal(refusedAt([kyc, amount], "kid"), undefined);
  assert.deepEqual(refusedElsewhere([kyc, amount], ["amount", "kid"]), [kyc]);
});
