import assert from "node:assert/strict";
import { test } from "node:test";
import { dateText, minorOf, moneyText } from "../src/scalars.ts";

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

test("money is read exactly, beyond what a float holds", () => {
  assert.equal(plain(moneyText({ amountMinor: "1234567890123456789", currency: "NOK" }, "en")), "NOK 12,345,678,901,234,567.89");
  assert.equal(plain(moneyText({ amountMinor: "-5", currency: "NOK" }, "en")), "-NOK 0.05");
  assert.equal(plain(moneyText({ amountMinor: "500", currency: "JPY" }, "en")), "¥500");
});

test("what is typed becomes minor units, or is no amount", () => {
  for (const [typed, minor] of [["125,5", "12550"], ["1 234.05", "123405"], ["7", "700"], ["0,01", "1"]] as const) {
    assert.equal(minorOf(typed, "NOK"), minor);
  }
  for (const typed of ["", "0", "0,00", "1,234", "-5", "1e3", "12 kr", "1.000,00"]) assert.equal(minorOf(typed, "NOK"), null, typed);
  assert.equal(minorOf("5,5", "JPY"), null);
});

test("a date without a time stays that day everywhere", () => {
  assert.equal(dateText("2026-01-01", "en-GB"), "1 Jan 2026");
});
