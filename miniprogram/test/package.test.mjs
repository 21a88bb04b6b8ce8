// What is copied into mini programs: one small file of plain JavaScript.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { minify } from "terser";

import { createKeeper } from "./phone.mjs";

const built = readFileSync(new URL("../miniprogram_dist/wxkeeper.js", import.meta.url), "utf8");
const { code } = await minify(built, { toplevel: true, ecma: 2015 });

test("it is under 6 KB minified", (t) => {
  t.diagnostic(`${code.length} bytes`);
  assert.ok(code.length < 6000, `${code.length} bytes`);
});

// The developer tools and old phones know CommonJS and ECMAScript 2015 for sure, and no other file is copied along.
test("it needs nothing beside it, and no young engine", () => {
  assert.doesNotMatch(code, /\brequire\(|\bimport\b|\basync function|\bawait |\?\?|\?\.[a-z]|\{\.\.\./i);
});

test("it says what is missing", () => {
  assert.throws(() => createKeeper({ baseURL: "https://keeper.example.com/" }), /needs baseURL, and wx, uni or Taro/);
  assert.throws(() => createKeeper({ wx: {} }), /needs baseURL/);
  assert.throws(() => createKeeper({ baseURL: "https://keeper.example.com/", wx: {}, sandbox: true }), /say sandbox\.address/);
});
